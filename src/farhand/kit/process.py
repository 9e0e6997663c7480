"""What a program does about being a child process: die with its parent, lock its folder."""

import contextlib
import ctypes
import errno
import fcntl
import os
import resource
import signal
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h
M_TRIM_THRESHOLD = -1  # malloc.h
M_MMAP_THRESHOLD = -3


class AlreadyLocked(Exception):
    """Another process holds the lock."""


def leash(how: signal.Signals = signal.SIGTERM) -> Callable[[], None]:
    """Return the `preexec_fn` of a child that ends, by the signal `how`, when this program ends, even by `kill -9`.

    Made by whoever starts the child, not by the child: see `die_with`. The starting thread must live as long as the
    program, because the kernel watches the thread. A program with set-user-ID would lose it at its exec.
    """
    _find_prctl()  # here, because the child, which may hold other threads' locks, must load nothing before its exec
    return partial(die_with, os.getpid(), how)


def die_with(parent: int, how: signal.Signals = signal.SIGTERM) -> None:
    """Have the kernel send `how` to this process when `parent`, which forked it, ends (Linux only, else nothing).

    The caller must know `parent` from before the fork. Asked of the child itself, `getppid` would name the reaper of
    orphans as soon as the parent has ended, and the child would wait for the end of that one. SIGTERM gets its default
    meaning back: until an exec or a handler of its own the child still has its parent's handler, which would take the
    signal for the parent's copy of some flag, and the child would live on.
    """
    prctl = _find_prctl()
    if prctl is None:
        return
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    prctl(PR_SET_PDEATHSIG, int(how), 0, 0, 0)
    if os.getppid() != parent:  # it ended before the request was in place
        os.kill(os.getpid(), signal.SIGKILL)


@cache
def _find_prctl() -> Callable[..., int] | None:
    """The C library's function; None where there is none."""
    try:
        function = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return None
    function.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    found: Callable[..., int] = function
    return found


def keep_freed_memory() -> None:
    """Let the C library keep up to 32 MiB of freed memory instead of giving it back at once (glibc only).

    For programs that allocate and free buffers of some 100 KiB all the time: returning each to the kernel and faulting
    it in again costs them more CPU than their work (1.7 s per GB in the recorder's thread).
    """
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, 4 << 20)
        mallopt(M_TRIM_THRESHOLD, 32 << 20)


def raise_descriptor_limit() -> int:
    """Raise this process's limit of open files as far as it may; return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else 1 << 20


def hold_lock(path: Path) -> int:
    """Take an exclusive lock on `path` for as long as this process lives; return the file descriptor.

    The descriptor is not inherited by children. Raises AlreadyLocked.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if error.errno in (errno.EAGAIN, errno.EACCES):
            raise AlreadyLocked(str(path)) from error
        raise
    return descriptor
