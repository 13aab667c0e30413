/** What a user of the SDK writes. */

import { type Nexus, type Workspace, connect } from "../src/node/index.js";
import type { Client } from "./client.js";

export class SdkClient implements Client {
  #where = { url: "", token: "" };
  #nexus: Nexus | undefined;
  #workspace: Workspace | undefined;
  readonly #held: Nexus[] = [];

  async connect(url: string, token: string): Promise<void> {
    this.#where = { url, token };
    this.#nexus = await connect(this.#where);
  }

  /** As many loops as calls may be in flight share the calls. */
  async calls(count: number, depth: number): Promise<void> {
    const nexus = this.#connected();
    let left = count;
    const work = async (): Promise<void> => {
      while (left-- > 0) await nexus.ping();
    };
    await Promise.all(Array.from({ length: depth }, work));
  }

  async run(workspace: string): Promise<void> {
    const ran = await (await this.#get(workspace)).run(["true"]);
    if (ran.exitCode !== 0) throw new Error(`exec.run: ${JSON.stringify(ran)}`);
  }

  async download(workspace: string, path: string): Promise<number> {
    let came = 0;
    for await (const data of await (await this.#get(workspace)).files.download(path)) came += data.byteLength;
    return came;
  }

  async hold(count: number): Promise<void> {
    for (let turn = 0; turn < count; turn++) this.#held.push(await connect(this.#where));
  }

  async #get(id: string): Promise<Workspace> {
    if (this.#workspace?.id !== id) this.#workspace = await this.#connected().workspaces.get(id);
    return this.#workspace;
  }

  #connected(): Nexus {
    if (this.#nexus === undefined) throw new Error("not connected");
    return this.#nexus;
  }
}
