// Real reference servers, which share a Valkey: `python -m server` of this checkout, with the Python in $PYTHON.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const PYTHON = process.env["PYTHON"] ?? "python3";
const VALKEY = `
import sys
from server.brokers.embedded import EmbeddedValkey
with EmbeddedValkey() as valkey:
    print(valkey.url, flush=True)
    sys.stdin.read()
`;

async function started(
  words: string[],
  said: RegExp,
  env: Record<string, string> = {},
): Promise<[ChildProcess, string]> {
  const child = spawn(PYTHON, words, {
    cwd: ROOT,
    env: { ...process.env, ...env, PYTHONUNBUFFERED: "1" },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const lines: string[] = [];
  const found = new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        lines.push(line);
        const match = said.exec(line);
        if (match?.[1] !== undefined) resolve(match[1]);
      });
    }
    child.on("exit", (status) => reject(new Error(`exit ${status}\n${lines.join("\n")}`)));
  });
  return [child, await found];
}

/** A Valkey for the hosts of one test file. */
export class Broker {
  static async start(): Promise<Broker> {
    const [child, url] = await started(["-c", VALKEY], /^(unix:.*)$/);
    return new Broker(child, url);
  }

  private constructor(
    private readonly child: ChildProcess,
    readonly url: string,
  ) {}

  async stop(): Promise<void> {
    this.child.stdin?.end();
    if (this.child.exitCode === null) await once(this.child, "exit");
  }
}

/** A server with a drain of 20 s, whose clients are told to move within half a second. */
export class Host {
  static async start(broker: Broker, port = 0, settings: Record<string, string> = {}): Promise<Host> {
    const [child, bound] = await started(["-m", "server", "--port", `${port}`], /running on http:\/\/127.0.0.1:(\d+)/, {
      SERVER_BROKER_URL: broker.url,
      SERVER_NOTIFY_INTERVAL_S: "0",
      SERVER_MESSAGES_PER_S: "0", // many messages in a short time
      SERVER_DRAIN_TIMEOUT_S: "20",
      SERVER_RECONNECT_WINDOW_S: "0.5",
      ...settings,
    });
    return new Host(child, Number(bound));
  }

  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
  ) {}

  /** Publishes by HTTP; returns the number. */
  async say(data: unknown, room?: string): Promise<number> {
    const path = room === undefined ? "/broadcast" : `/rooms/${room}/messages`;
    const answer = await fetch(`http://127.0.0.1:${this.port}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ data }),
    });
    if (answer.status !== 202) throw new Error(`${answer.status} ${await answer.text()}`);
    return ((await answer.json()) as { seq: number }).seq;
  }

  /** Sends a signal, and returns when it has exited. */
  async stop(signal: NodeJS.Signals): Promise<void> {
    this.child.kill(signal);
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, "exit");
  }
}

/** Ports on which nothing listens, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
