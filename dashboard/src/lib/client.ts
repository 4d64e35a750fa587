// What legmon is asked over HTTP, and how it says that something went wrong.
// The types come from openapi.json: `npm run check` writes them to api.d.ts.
import createClient from "openapi-fetch";
import type { components, paths } from "./api";
import { decode, type Frame } from "./frame";
import { entry } from "./entry.svelte";
import { t, translated } from "./i18n.svelte";

type Schemas = components["schemas"];
export type DiskRoom = Schemas["DiskRoom"];
export type Finding = Schemas["Finding"];
export type AuditEntry = Schemas["AuditEntry"];
export type Fit = Schemas["FitResult"];
export type FitStep = Schemas["FitStep"];
export type Gap = Schemas["Gap"];
export type Hour = Schemas["Hour"];
export type Leg = Schemas["Sensor"]["leg"];
export type Legs = NonNullable<Schemas["Want"]["leg"]>;
export type Mode = Schemas["Want"]["mode"];
export type Mark = Schemas["Mark"];
export type Movement = Schemas["ListedMovement"];
export type NightNote = Schemas["NightNote"];
export type HeardSensor = Schemas["HeardSensor"];
export type Night = Awaited<ReturnType<typeof getNight>>;
export type Intervals = Night["intervals"];
export type NightSummary = Schemas["NightSummary"];
export type NightsPage = Schemas["NightsPage"];
export type Preflight = Schemas["Preflight"];
export type PreflightItem = Schemas["PreflightItem"];
export type Rules = NightSummary["rules"];
export type Sensor = Schemas["Sensor"];
export type DemoState = Schemas["Demo"];
export type Settings = Schemas["Settings"];
export type Status = Schemas["Status"];
export type Why = Schemas["Why"];
export type Reason = Schemas["Reason"];

/** What legmon refused to answer, in a sentence for the reader. */
export class Refused extends Error {
  /** @param code the reason, of a closed list */
  constructor(
    message: string,
    readonly code?: string,
  ) {
    super(message);
  }
}

interface Answer<T> {
  data?: T | undefined;
  error?: { detail?: unknown; code?: unknown } | undefined;
  response: Response;
}

const api = createClient<paths>();

async function answered<T>(request: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await request;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Error(t("client.silent"));
  }
  if (answer.data !== undefined) return answer.data;
  if (answer.response.status === 401) entry.shut = true;
  const { detail, code } = typeof answer.error === "object" ? answer.error : {};
  throw new Refused(
    typeof detail === "string"
      ? translated(`problem.${String(code)}`, detail)
      : t("client.status", { status: String(answer.response.status) }),
    typeof code === "string" ? code : undefined,
  );
}

export const getStatus = (): Promise<Status> => answered(api.GET("/api/v1/status"));

/** What `legmon demo` is doing, if these pages belong to one. */
export const getDemo = (): Promise<DemoState> => answered(api.GET("/api/v1/demo"));

/** Lets tonight of a demo arrive faster or slower; 0 stops it. */
export const setDemoSpeed = (speed: number) => answered(api.POST("/api/v1/demo/speed", { body: { speed } }));

export const getSettings = (): Promise<Settings> => answered(api.GET("/api/v1/settings"));

export const getDisk = (): Promise<DiskRoom> => answered(api.GET("/api/v1/disk"));

export const setSettings = (body: Settings): Promise<Settings> =>
  answered(api.PUT("/api/v1/settings", { body }));

/** What somebody did, the newest first. */
export const getAudit = () => answered(api.GET("/api/v1/audit"));

export const getPreflight = (): Promise<Preflight> => answered(api.GET("/api/v1/preflight"));

/** Asks the recorder for something, through the catalog. */
export const want = (mode: Mode, leg: Legs | null) =>
  answered(api.POST("/api/v1/wanted", { body: { mode, leg } }));

/** Chooses the sensor of a leg; null is whatever is there. */
export const choose = (leg: Leg, address: string | null) =>
  answered(api.PUT("/api/v1/wanted/sensors/{leg}", { params: { path: { leg } }, body: { address } }));

export const checkFit = (leg: Leg, steps: FitStep[]): Promise<Fit> =>
  answered(api.POST("/api/v1/checks/fit", { body: { leg, steps } }));

/** The newest nights, or those before a night; `earlier` is the `before` of the next page. */
export function getNights(
  rules: Rules,
  signal?: AbortSignal | null,
  before?: string | null,
): Promise<NightsPage> {
  const query = before ? { rules, before } : { rules };
  return answered(api.GET("/api/v1/nights", { params: { query }, signal: signal ?? null }));
}

export const getNight = (id: string, rules: Rules, signal: AbortSignal) =>
  answered(
    api.GET("/api/v1/nights/{night_id}", { params: { path: { night_id: id }, query: { rules } }, signal }),
  );

export async function getMovements(id: string, rules: Rules, signal: AbortSignal): Promise<Movement[]> {
  const params = { path: { night_id: id }, query: { rules } };
  const found = await answered(api.GET("/api/v1/nights/{night_id}/movements", { params, signal }));
  return found.movements;
}

/** Why the detector and the rules decided as they did between two times. The detector looks at the whole night again. */
export function getTrace(
  id: string,
  query: { start: number; end: number; rules: Rules; leg?: Leg },
  signal: AbortSignal,
): Promise<Why> {
  const params = { path: { night_id: id }, query };
  return answered(api.GET("/api/v1/nights/{night_id}/trace", { params, signal }));
}

export interface Times {
  off: number | null;
  on: number | null;
}

export const setLights = (id: string, rules: Rules, body: Times) =>
  answered(
    api.PATCH("/api/v1/nights/{night_id}", { params: { path: { night_id: id }, query: { rules } }, body }),
  );

/** Waits for an answer that holds nothing. */
async function done(request: Promise<Omit<Answer<unknown>, "data">>): Promise<void> {
  await answered(
    request.then(({ error, response }) => ({ error, response, data: error ? undefined : true })),
  );
}

export function setVoluntary(id: string, movement: string, voluntary: boolean): Promise<void> {
  const params = { path: { night_id: id, movement_id: movement } };
  const body = { voluntary };
  return done(
    api.PUT("/api/v1/nights/{night_id}/movements/{movement_id}", { params, body, parseAs: "text" }),
  );
}

export function setNote(id: string, body: NightNote): Promise<void> {
  const params = { path: { night_id: id } };
  return done(api.PUT("/api/v1/nights/{night_id}/note", { params, body, parseAs: "text" }));
}

export function addMark(id: string, body: Schemas["AddMark"]): Promise<void> {
  const params = { path: { night_id: id } };
  return done(api.POST("/api/v1/nights/{night_id}/marks", { params, body, parseAs: "text" }));
}

export function removeMark(id: string, mark: string): Promise<void> {
  const params = { path: { night_id: id, mark_id: mark } };
  return done(api.DELETE("/api/v1/nights/{night_id}/marks/{mark_id}", { params, parseAs: "text" }));
}

const MOST_COMING = 4; // both legs of two nights
const coming = new Map<string, Promise<Frame>>();

/** The envelope of a leg's night as far as it goes; asked for early, it is not asked for again. */
export function getEnvelope(id: string, leg: Leg, ended: number): Promise<Frame> {
  const key = `${id} ${leg} ${ended}`;
  const asked = coming.get(key);
  if (asked) return asked;
  const params = { path: { night_id: id }, query: { leg } };
  const bytes = answered(api.GET("/api/v1/nights/{night_id}/envelope", { params, parseAs: "arrayBuffer" }));
  const frame = bytes.then((buffer) => decode(buffer, 1));
  frame.catch(() => coming.delete(key));
  coming.set(key, frame);
  for (const old of [...coming.keys()].slice(0, -MOST_COMING)) coming.delete(old);
  return frame;
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
