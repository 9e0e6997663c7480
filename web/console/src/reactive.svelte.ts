/**
 * Why: the one bridge between plain state that calls its watchers and views that follow by themselves.
 */
import { createSubscriber } from "svelte/reactivity";

interface Watched {
  onchange(handler: () => void): () => void;
}

/** Read `state` through the returned function inside a view: the view follows every change. */
export function follow<State extends Watched>(state: State): () => State {
  const subscribe = createSubscriber((update) => state.onchange(update));
  return () => {
    subscribe();
    return state;
  };
}

let now = $state(Date.now());
let users = 0;
let timer: ReturnType<typeof setInterval> | undefined;

/** The time now, moving every second while some view asks for it. Call it while a component is being made. */
export function ticking(): () => number {
  $effect(() => {
    users++;
    now = Date.now();
    timer ??= setInterval(() => (now = Date.now()), 1000);
    return () => {
      if (--users === 0) {
        clearInterval(timer);
        timer = undefined;
      }
    };
  });
  return () => now;
}
