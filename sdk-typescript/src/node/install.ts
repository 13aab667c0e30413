import { setDefaultSocket } from "../socket.js";
import { openNodeSocket } from "./socket.js";

setDefaultSocket(openNodeSocket);
