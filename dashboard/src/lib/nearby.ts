// How the list of sensors nearby is drawn, and in which order.
import type { HeardSensor } from "./client";

/** Bars of four for a signal strength, at least one for what is heard at all. */
export const bars = (rssi: number | null): number =>
  rssi === null ? 0 : rssi >= -55 ? 4 : rssi >= -65 ? 3 : rssi >= -80 ? 2 : 1;

/** The list in the order it had, new ones behind: while somebody is in it, nothing moves under the fingers. */
export function kept(list: HeardSensor[], order: string[]): HeardSensor[] {
  const there = order.flatMap((address) => list.filter((sensor) => sensor.address === address));
  return [...there, ...list.filter((sensor) => !order.includes(sensor.address))];
}
