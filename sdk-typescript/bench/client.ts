/** One way to use a daemon. */
export interface Client {
  connect(url: string, token: string): Promise<void>;
  calls(count: number, depth: number): Promise<void>;
  run(workspace: string): Promise<void>;
  /** How many bytes came. */
  download(workspace: string, path: string): Promise<number>;
  hold(count: number): Promise<void>;
}
