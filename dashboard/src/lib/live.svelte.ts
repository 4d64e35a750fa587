// What legmon is doing now: one socket, kept open while somebody looks.
import { decode } from "./frame";
import { getStatus, type Leg, type Status } from "./client";
import { entry } from "./entry.svelte";
import { t } from "./i18n.svelte";
import { Trace } from "./trace";

interface Hello {
  type: "hello";
  schema_version: number;
  leg: Leg | null;
  window_s: number;
}

type Message = Hello | { type: "status"; status: Status };

const HIDDEN_FOR_MS = 30_000;

/** Milliseconds to wait before the next attempt: half a second at first, five at most. */
export const retryDelay = (attempt: number) => Math.min(5000, 500 * 2 ** attempt);

export class Live {
  status = $state.raw<Status>();
  leg = $state<Leg | null>(null);
  /** Seconds of trace to show. */
  windowS = $state(30);
  /** Whether the connection was tried and is down. */
  lost = $state(false);
  /** A sentence, where this page cannot read what it is sent. */
  unreadable = $state<string>();
  /** When the status came, by the page's own clock, ms. */
  statusAt = 0;
  /** Frames received since the page was opened. */
  frames = $state(0);
  readonly trace = new Trace();

  #socket: WebSocket | undefined;
  #attempt = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #leaving: ReturnType<typeof setTimeout> | undefined;

  /** Connects, and keeps connected until the returned function is called. */
  start(): () => void {
    const watch = () => this.#visibility();
    document.addEventListener("visibilitychange", watch);
    this.#connect();
    return () => {
      document.removeEventListener("visibilitychange", watch);
      clearTimeout(this.#leaving);
      this.#disconnect();
    };
  }

  #connect(): void {
    this.#disconnect();
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/api/v1/live`);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => this.#receive(data);
    socket.onclose = () => {
      if (entry.shut) return;
      this.lost = true;
      this.#retry = setTimeout(() => this.#connect(), retryDelay(this.#attempt++));
    };
    this.#socket = socket;
    // The socket speaks when something changes: the state of now is asked for.
    getStatus().then(
      (status) => this.#know(status),
      () => undefined, // `lost` says it
    );
  }

  #disconnect(): void {
    clearTimeout(this.#retry);
    if (!this.#socket) return;
    this.#socket.onclose = null;
    this.#socket.close();
    this.#socket = undefined;
  }

  #receive(data: string | ArrayBuffer): void {
    this.lost = false;
    this.#attempt = 0;
    try {
      if (data instanceof ArrayBuffer) {
        this.trace.append(decode(data));
        this.frames++;
        return;
      }
      const message = JSON.parse(data) as Message;
      if (message.type === "status") this.#know(message.status);
      else this.#greet(message);
    } catch (error) {
      this.unreadable = t("live.unreadable", {
        why: error instanceof Error ? error.message : String(error),
      });
    }
  }

  /** The recording's clock, Unix seconds. */
  now(): number {
    const status = this.status;
    if (!status) return Date.now() / 1000;
    return status.now + ((performance.now() - this.statusAt) / 1000) * status.speed;
  }

  #know(status: Status): void {
    this.status = status;
    this.statusAt = performance.now();
  }

  #greet(hello: Hello): void {
    this.unreadable = hello.schema_version === 1 ? undefined : t("live.newer");
    this.leg = hello.leg;
    this.windowS = this.trace.windowS = hello.window_s;
    this.trace.clear();
  }

  #visibility(): void {
    clearTimeout(this.#leaving);
    if (document.hidden) this.#leaving = setTimeout(() => this.#disconnect(), HIDDEN_FOR_MS);
    else if (!this.#socket) this.#connect();
  }
}
