/** Why: kinds of channels and their frame types, the mirror of protocol/channels.py. Numbers only; no behaviour. */

export const Kind = {
  CONTROL: 0,
  CHAT: 1,
  SCREEN: 2,
  INPUT: 3,
  SHELL: 4,
  FILES: 5,
  CLIPBOARD: 6,
  SYSTEM: 7,
  ACTIONS: 8,
  SCRIPTS: 9,
  REPS: 10,
  DEPLOY: 11,
} as const;

export const Party = { ENDPOINT: 1, CONSOLE: 2, PORTAL: 3, RECORDER: 4 } as const;

export const Grant = {
  CHAT: 1,
  SCREEN_VIEW: 2,
  SCREEN_CONTROL: 4,
  SHELL: 8,
  FILES_WRITE: 16,
  FILES_READ: 32,
  CLIPBOARD_READ: 64,
  SYSTEM: 128,
  FILES_DELETE: 256,
  CLIPBOARD_WRITE: 512,
  SCRIPTS: 1024,
  ACTIONS: 2048,
  REBOOT: 4096,
  PRIVACY: 8192,
  PIN: 16384,
} as const;

export const Control = {
  HELLO: 1,
  WELCOME: 2,
  REFUSE: 3,
  ROSTER: 4,
  GRANTS: 5,
  END: 6,
  JOIN: 16,
  LEAVE: 17,
  LISTEN: 48,
  EVENT: 49,
  GAP: 50,
} as const;

/** REFUSED says that a POST was not kept: it may be sent again later with the same id. */
export const Deploy = { LIST: 1, DO: 2, OFFERED: 17, DONE: 18 } as const;

export const Durable = { POST: 1, ENTRY: 2, REFUSED: 3 } as const;

export const Screen = { START: 1, STOP: 2, ACK: 3, REFRESH: 4, STARTED: 17, STOPPED: 18, UPDATE: 19, CURSOR: 20, POINTER: 21 } as const;

export const Input = { REQUEST: 1, RELEASE: 2, KEY: 3, POINTER: 4, WHEEL: 5, TEXT: 6, BLOCK: 7, STATE: 17, TYPED: 18, BLOCKED: 19 } as const;

export const Shell = {
  OPEN: 1,
  ATTACH: 2,
  INPUT: 3,
  RESIZE: 4,
  CLOSE: 5,
  OPENED: 17,
  DATA: 18,
  CLOSED: 19,
  RESIZED: 20,
  GAP: 21,
  DROPPED: 22,
} as const;

export const Actions = { LIST: 1, RUN: 2, POWER: 3, OFFERED: 17, DONE: 18 } as const;

export const Files = {
  START: 1,
  STOP: 2,
  LIST: 3,
  NEXT: 4,
  MAKE: 5,
  RENAME: 6,
  DELETE: 7,
  GET: 8,
  PUT: 9,
  DATA: 10,
  ACK: 11,
  FINISH: 12,
  CANCEL: 13,
  STARTED: 17,
  STOPPED: 18,
  LISTING: 19,
  ACCEPTED: 20,
  DONE: 21,
  PROGRESS: 22,
  BYTES: 23,
  TAKEN: 24,
  FINISHED: 25,
} as const;

export const Clip = {
  START: 1,
  STOP: 2,
  GIVE: 3,
  GIVEN_PART: 4,
  TAKE: 5,
  STARTED: 17,
  STOPPED: 18,
  OFFER: 19,
  CONTENT: 20,
  PART: 21,
  DONE: 22,
} as const;

export const Scripts = { RUN: 1, CANCEL: 2, STARTED: 17, OUTPUT: 18, DONE: 19 } as const;

/** On every flow-controlled channel: the receiver allows the sender this many further payload bytes (u32). */
export const CREDIT = 0xf0;

/** On every tool's channel, from the endpoint: it does not serve that. */
export const UNSUPPORTED = 0xf1;

/** Credit that a viewer starts with on a shell channel, in bytes of DATA payload. */
export const SHELL_WINDOW = 256 * 1024;

/** Content in one part of a clipboard's transfer, and in all of it, in bytes, at most. */
export const CLIP_CHUNK = 16 * 1024;
export const CLIP_MOST = 4 * 1024 * 1024;

/** The channel number of one instance (0 to 255) of a kind. */
export const channelOf = (kind: number, instance = 0): number => (kind << 8) | instance;
export const kindOf = (channel: number): number => channel >> 8;
export const instanceOf = (channel: number): number => channel & 0xff;
