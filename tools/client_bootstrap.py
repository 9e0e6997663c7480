"""First code of the client file (its `__main__.py`): check the Python, unpack the libraries, run the agent.

Old Pythons must be able to read this far, so it uses nothing new. Libraries go into a private folder: one that is kept,
named by the file's hash, for a Jump Client; one of its own for each customer run, which ends with it.
"""
# ruff: noqa: UP031, UP036  a Python that is too old must be able to read this file and say so

import sys

SUFFIX = "@SUFFIX@"
PYTHON = "@PYTHON@"
MACHINE = "@MACHINE@"


def _stop(text):
    sys.stderr.write(text + "\n")
    sys.exit(1)


if sys.version_info < (3, 11):
    _stop("This client needs Python 3.11 or later; this is Python %d.%d. Please update it." % sys.version_info[:2])

import atexit
import hashlib
import os
import shutil
import stat
import sysconfig
import tempfile
import zipfile

MAX_SIZE = 512 * 1024 * 1024
READY = ".ready"


def _check_machine():
    if sysconfig.get_config_var("EXT_SUFFIX") != SUFFIX:
        _stop(
            "This client file is made for Python %s on %s; this is Python %d.%d on %s. Please ask for one that fits."
            % (PYTHON, MACHINE, sys.version_info[0], sys.version_info[1], sysconfig.get_platform())
        )


def _content_hash(file, comment):
    """Hash of everything but the comment: each customer's file has another one."""
    digest = hashlib.sha256()
    rest = os.path.getsize(file) - len(comment) - 2
    with open(file, "rb") as source:
        while rest > 0:
            data = source.read(min(rest, 1 << 20))
            if not data:
                break
            digest.update(data)
            rest -= len(data)
    return digest.hexdigest()


def _cache_root():
    if os.environ.get("FARHAND_CLIENT_CACHE", "").startswith("/"):
        root = os.environ["FARHAND_CLIENT_CACHE"]
    elif os.geteuid() == 0:
        root = "/var/cache/farhand-client"
    else:
        base = os.environ.get("XDG_CACHE_HOME", "")
        root = os.path.join(base if base.startswith("/") else os.path.expanduser("~/.cache"), "farhand-client")
    os.makedirs(root, mode=0o700, exist_ok=True)
    found = os.lstat(root)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        _stop("The folder %s belongs to somebody else: remove it, then start this client again." % root)
    os.chmod(root, 0o700)
    return root


def _unpack(archive, target):
    """Write the libraries, regular files with checked names only, into `target`, which is new and private."""
    total = 0
    for info in archive.infolist():
        if not info.filename.startswith("lib/") or info.is_dir():
            continue
        parts = info.filename.split("/")[1:]
        if not stat.S_ISREG(info.external_attr >> 16) or any(
            part in ("", ".", "..") or "\\" in part or "\0" in part for part in parts
        ):
            _stop("This client file is damaged: download it again.")
        total += info.file_size
        if total > MAX_SIZE:
            _stop("This client file is damaged: download it again.")
        folder = os.path.join(target, *parts[:-1])
        os.makedirs(folder, mode=0o700, exist_ok=True)
        place = os.path.join(folder, parts[-1])
        handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as out, archive.open(info) as source:
            shutil.copyfileobj(source, out, 1 << 20)


def _libraries(file):
    """Return the folder with the libraries; unpack them when they are not there."""
    with zipfile.ZipFile(file) as archive:
        root = _cache_root()
        serves_customer = (bool(archive.comment) and len(sys.argv) == 1) or "help" in sys.argv[1:2]
        if serves_customer:
            target = tempfile.mkdtemp(prefix="run-", dir=root)
            atexit.register(shutil.rmtree, target, True)
            _unpack(archive, target)
            return target
        target = os.path.join(root, _content_hash(file, archive.comment))
        if os.path.exists(os.path.join(target, READY)):
            return target
        beside = tempfile.mkdtemp(prefix="new-", dir=root)
        _unpack(archive, beside)
        with open(os.path.join(beside, READY), "w"):
            pass
        try:
            os.rename(beside, target)
        except OSError:
            shutil.rmtree(beside, True)
            if not os.path.exists(os.path.join(target, READY)):
                _stop("The libraries cannot be unpacked into %s: remove that folder and start again." % target)
        return target


def _main():
    _check_machine()
    file = os.path.abspath(sys.argv[0])
    try:
        unpacked = _libraries(file)
    except OSError as error:
        _stop("The libraries of this client cannot be unpacked: %s." % (error.strerror or error))
    except zipfile.BadZipFile:
        _stop("This client file is damaged: download it again.")
    sys.path.insert(1, unpacked)
    os.environ["FARHAND_CLIENT_FILE"] = file
    os.environ["FARHAND_CLIENT_UNPACKED"] = unpacked
    from farhand.agent.__main__ import main

    sys.exit(main())


_main()
