// What legmon is asked over HTTP, and how it says that something went wrong.
// The types come from openapi.json: `npm run check` writes them to api.d.ts.
import createClient from "openapi-fetch";
import type { components, paths } from "./api";
import { decode, type Frame } from "./frame";

type Schemas = components["schemas"];
export type Gap = Schemas["Gap"];
export type Hour = Schemas["Hour"];
export type Leg = Schemas["Sensor"]["leg"];
export type Movement = Schemas["Movement"];
export type Night = Awaited<ReturnType<typeof getNight>>;
export type Intervals = Night["intervals"];
export type NightSummary = Schemas["NightSummary"];
export type Sensor = Schemas["Sensor"];
export type Status = Schemas["Status"];

/** What legmon refused to answer, in a sentence for the reader. */
export class Refused extends Error {}

interface Answer<T> {
  data?: T | undefined;
  error?: { detail?: unknown } | undefined;
  response: Response;
}

const api = createClient<paths>();

async function answered<T>(request: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await request;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Error("legmon does not answer. Check that it is still running on this computer.");
  }
  if (answer.data !== undefined) return answer.data;
  const detail = typeof answer.error === "object" ? answer.error.detail : undefined;
  throw new Refused(
    typeof detail === "string" ? detail : `legmon answered with status ${answer.response.status}.`,
  );
}

export const getStatus = (): Promise<Status> => answered(api.GET("/api/v1/status"));

export const getNights = (signal: AbortSignal): Promise<NightSummary[]> =>
  answered(api.GET("/api/v1/nights", { signal }));

export const getNight = (id: string, signal: AbortSignal) =>
  answered(api.GET("/api/v1/nights/{night_id}", { params: { path: { night_id: id } }, signal }));

export async function getMovements(id: string, signal: AbortSignal): Promise<Movement[]> {
  const params = { path: { night_id: id }, query: { rules: "wasm2016" as const } };
  const found = await answered(api.GET("/api/v1/nights/{night_id}/movements", { params, signal }));
  return found.movements;
}

export interface Stretch {
  start: number;
  end: number;
  points: number;
  leg: Leg;
}

export async function getWindow(id: string, query: Stretch, signal: AbortSignal): Promise<Frame> {
  const params = { path: { night_id: id }, query };
  const bytes = answered(
    api.GET("/api/v1/nights/{night_id}/window", { params, signal, parseAs: "arrayBuffer" }),
  );
  return decode(await bytes);
}
