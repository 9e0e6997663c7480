"""The flag of a program's end."""

import os
import signal
import subprocess
import sys
import threading

from farhand.kit.stop import Stop

HAMMER = '''
import os, signal, subprocess, sys
from farhand.kit.stop import Stop
SENDER = """
import os, sys, time
parent = int(sys.argv[1])
while os.getppid() == parent:
    os.kill(parent, 10)
    time.sleep(1e-4)
"""
stop, heard = Stop(), 0
def hear(*_):
    global heard
    heard += 1
    stop.set()
signal.signal(signal.SIGUSR1, hear)
child = subprocess.Popen([sys.executable, "-c", SENDER, str(os.getpid())])
while heard < 2000:
    stop = Stop()
    while not stop.wait(0.00001):
        pass
child.kill()
print("ended")
'''
"""A signal in the middle of every step of a wait; `threading.Event` locks itself within some hundred."""


def test_it_is_set_once_and_wakes_everybody() -> None:
    stop = Stop()
    assert not stop.is_set()
    assert not stop.wait(0.01)
    woken: list[bool] = []
    threads = [threading.Thread(target=lambda: woken.append(stop.wait(60.0))) for _ in range(3)]
    for thread in threads:
        thread.start()
    stop.set()
    stop.set()
    for thread in threads:
        thread.join(60)
    assert woken == [True] * 3
    assert stop.is_set()
    assert stop.wait(60.0)


def test_a_signal_sets_it_and_does_not_hold_up_the_thread_that_waits() -> None:
    stop, before = Stop(), signal.getsignal(signal.SIGUSR1)
    try:
        stop.on_signals((signal.SIGUSR1,))
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        assert stop.wait(60.0)
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_signals_at_any_moment_of_a_wait_lock_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", HAMMER], capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stdout) == (0, "ended\n"), done.stderr


def test_outside_of_the_main_thread_signals_stay_as_they_are() -> None:
    before, stop = signal.getsignal(signal.SIGTERM), Stop()
    thread = threading.Thread(target=stop.on_signals)
    thread.start()
    thread.join(60)
    assert signal.getsignal(signal.SIGTERM) is before


def test_its_descriptors_go_with_it() -> None:
    first = Stop()._read
    for _ in range(100):
        stop = Stop()
        assert not stop.wait(0)
        del stop
    assert Stop()._read <= first + 4
