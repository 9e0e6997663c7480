/** Why: the remote screen. `ScreenView` is the live one; `ScreenDecoder` alone plays recordings. */
export { ScreenDecoder } from "./decoder";
export { Flag, parseUpdate, UpdateError } from "./update";
export { ScreenView } from "./view";
