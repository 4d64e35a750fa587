// The parts of Espruino that docs/sensors/legmon.app.js uses, with a clock of its own. One line of JSON in: what happens to the watch; one
// out: the bytes that left its UART meanwhile, how it was set, what its screen says, and of how many samples the chip had, which were
// never felt.
const { crc32 } = require("node:zlib");
const lines = require("node:readline").createInterface({ input: process.stdin });
const listeners = {};
const drawn = {
  clear: () => {
    shown = [];
    now += draws;
  },
  drawString: (text) => shown.push(text),
};
const screen = new Proxy({}, {
  get: (_, name) => (...given) => (name.startsWith("get") ? 176 : (drawn[name]?.(...given), screen)),
});
// As at power-on; twists and the button are what wakes it then.
const options = {
  wakeOnBTN1: true, wakeOnFaceUp: false, wakeOnTouch: false, wakeOnDoubleTap: false, wakeOnTwist: true, twistThreshold: 800,
  powerSave: true, lockTimeout: 30000, btnLoadTimeout: 1500,
};
let shown = [], draws = 0, locked = false, again = true; // draws: ms that the screen takes
let now = 0, connected = true, timers = [], out = [], set = [], button;
let poll = Infinity, period = 80, chip = 1, had = 0; // when the next poll is due; how fast the chip is, and its last sample that was read
let samples = 0, flag = false, missed = []; // samples that were read, and which of them were never felt
let takes = [0], writes = 0; // ms that each write takes, in turn

Object.assign(globalThis, {
  require: () => ({ readJSON: () => ({ side: 2 }) }),
  getTime: () => 1.7e9 + (now += 0.05) / 1000,
  setTimeout: (f, ms) => timers.push({ at: now + ms, f }),
  setWatch: (f, _, about) => {
    button = f;
    again = !!about?.repeat;
  },
  load: () => loads("load"),
  g: screen,
  BTN1: 1,
  E: { CRC32: crc32, getBattery: () => 66, setConsole: () => {}, on: (name, f) => (listeners[name] = f) },
  NRF: { getSecurityStatus: () => ({ connected }) },
  Bluetooth: {
    on: (_, f) => (listeners.data = f),
    write: (...parts) => {
      out.push(...parts.map((part) => Buffer.from(part).toString("hex")));
      now += takes[writes++ % takes.length];
    },
  },
  Bangle: {
    accelWr: (register, value) => set.push(["register", register, value]),
    setPollInterval: (ms) => {
      set.push(["poll", ms]);
      options.powerSave = false;
      period = Math.round(ms * 32.768) / 32.768; // in ticks of the watch's clock
      poll = now + period;
      had = Math.floor((now / ms) * chip);
      samples = 0;
      flag = false;
      missed = [];
    },
    getOptions: () => ({ ...options }),
    setOptions: (o) => {
      for (const name in o) if (!(name in options)) throw new Error(`Unknown option ${name}`);
      Object.assign(options, o);
      set.push(["options", o]);
    },
    on: (name, f) => {
      listeners[name] = f;
      set.push(["on"]);
    },
    removeListener: (name) => {
      delete listeners[name];
      set.push(["off"]);
    },
  },
});

function loads(why) {
  listeners.kill?.();
  set.push([why]);
}

// A press of a locked watch unlocks it, and the app does not learn of it; a long one loads the clock.
function pressed(ms) {
  if (locked) locked = !options.wakeOnBTN1;
  else if (button) {
    const f = button;
    if (!again) button = undefined;
    f();
  }
  if (options.btnLoadTimeout && ms >= options.btnLoadTimeout) loads("clock");
}

// Polls interrupt whatever runs: a sample that is new sets the flag, whether or not the one before was felt.
function polls() {
  for (; poll <= now; poll += period) {
    const has = Math.floor((poll / Math.round(period)) * chip);
    if (has === had || !listeners.accel) continue;
    had = has;
    if (flag) missed.push(samples - 1);
    samples++;
    flag = true;
  }
}

function run(until) {
  for (;;) {
    polls();
    timers.sort((a, b) => a.at - b.at);
    if (flag) {
      flag = false;
      const k = (samples - 1) % 4000; // its number stands in the values
      listeners.accel({ x: k / 8192, y: -k / 8192, z: 1 });
    } else if (timers.length && timers[0].at <= now) timers.shift().f();
    else if (now >= until) break;
    else now = Math.min(until, poll, timers.length ? timers[0].at : Infinity);
  }
}

const happens = {
  app: (source) => (0, eval)(source),
  chip: (ratio) => (chip = ratio),
  takes: (ms) => (takes = ms),
  link: (is) => (connected = is),
  line: (text) => listeners.data(text),
  button: (ms) => pressed(ms),
  other_loads: () => loads("load"),
  draws: (ms) => (draws = ms),
  lock: () => (locked = true),
  lacks: (name) => delete options[name],
  moves: () => options.wakeOnTwist && set.push(["lit"]),
  other: (ms) => (now += ms), // JavaScript that is not the app's
  run: (ms) => run(now + ms),
};
lines.on("line", (line) => {
  for (const [what, about] of JSON.parse(line)) happens[what](about);
  console.log(JSON.stringify({ wrote: out.join(""), set, shown, options, samples, missed }));
  out = [];
  set = [];
});
