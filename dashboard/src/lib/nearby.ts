// How the list of nearby sensors is drawn, and in which order.
import type { HeardSensor } from "./client";

/** How many of four bars show a signal strength; a sensor that is heard at all has one. */
export const signalBars = (rssi: number | null): number =>
  rssi === null ? 0 : rssi >= -55 ? 4 : rssi >= -65 ? 3 : rssi >= -80 ? 2 : 1;

/** Keeps the order that the list had and puts new sensors at the end, so that nothing moves under somebody's finger. */
export function inOrder(list: HeardSensor[], order: string[]): HeardSensor[] {
  const known = order.flatMap((address) => list.filter((sensor) => sensor.address === address));
  return [...known, ...list.filter((sensor) => !order.includes(sensor.address))];
}
