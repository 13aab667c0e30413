/** The same as the neutral entry, for Node.js, which opens WebSockets by the package `ws`. */

import "./install.js";

export * from "../index.js";
