"""Django's settings. Everything that differs between appliances comes from the environment or from the data folder.

FARHAND_DATA: the data folder (default ./var). FARHAND_PORT: the public port (default 8443). FARHAND_PUBLIC_URL: the
address people use (default https://localhost:PORT). FARHAND_DATABASE_URL: postgresql://user:password@host:port/name
instead of SQLite. Rules: importing this module writes nothing and needs no database; the program that serves is
`serve.py`.
"""

import os
import secrets
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from csp.constants import NONCE, NONE, SELF

from farhand.web.design.policy import policy_of_worker
from farhand.web.project.areas import AREAS

WEB = Path(__file__).resolve().parent.parent
"""The package `farhand.web`."""

FARHAND_DATA = Path(os.environ.get("FARHAND_DATA") or "./var").resolve()
FARHAND_PORT = int(os.environ.get("FARHAND_PORT") or "8443")
FARHAND_PUBLIC_URL = (os.environ.get("FARHAND_PUBLIC_URL") or f"https://localhost:{FARHAND_PORT}").rstrip("/")
FARHAND_PRODUCT_MODE = os.environ.get("FARHAND_PRODUCT_MODE") or "both"
"""`support`, `access` or `both`."""


def _secret_key() -> str:
    """The key that `prepare` made; without one (checks, tests) a key of this process."""
    try:
        return (FARHAND_DATA / "keys" / "django.key").read_text().strip()
    except OSError:
        return secrets.token_urlsafe(48)


def _database(url: str) -> dict[str, Any]:
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(FARHAND_DATA / "db.sqlite3"),
            "CONN_MAX_AGE": None,
            # Tests need a file: a database in memory does not wait for its locks as this one does.
            "TEST": {"NAME": str(Path(tempfile.gettempdir()) / f"farhand-test-{os.getpid()}.sqlite3")},
            "OPTIONS": {
                # Writers take their lock at the start, so that two of them wait instead of failing half-way.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                # FULL: what was acknowledged survives a power cut.
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
                " PRAGMA cache_size=-16000;",
            },
        }
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise ValueError("FARHAND_DATABASE_URL must begin with postgresql:// (leave it out for SQLite).")
    options = parse_qs(parts.query)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.get("host", [unquote(parts.hostname or "")])[0],  # ?host= names the folder of a local socket
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
    }


SECRET_KEY = _secret_key()
DEBUG = False
# The relay is the only way in; it takes one well-formed Host per request and knows the names of the site.
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "farhand.web.project.urls"
WSGI_APPLICATION = "farhand.web.project.wsgi.application"
DATABASES = {"default": _database(os.environ.get("FARHAND_DATABASE_URL", ""))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ATOMIC_REQUESTS = False

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "farhand.web.design",
    "farhand.web.login",
    "farhand.web.console",
    "farhand.web.portal",
    *(f"farhand.web.{area}" for area in AREAS),
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.common.CommonMiddleware",
    "farhand.web.project.middleware.SessionPerFaceMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "farhand.web.project.middleware.UnclaimedMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "farhand.web.project.middleware.ActorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "farhand.web.project.middleware.ServiceErrorMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.messages.context_processors.messages",
                "farhand.web.design.context.site",
            ],
        },
    }
]
FORM_RENDERER = "farhand.web.design.forms.Renderer"

# --- accounts ---
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = ["farhand.web.accounts.passwords.Argon2id"]
MFA_ADAPTER = "farhand.web.accounts.second_factor.Adapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Farhand"
ACCOUNT_USER_MODEL_USERNAME_FIELD = "username"
ACCOUNT_USER_MODEL_EMAIL_FIELD = "email"
ACCOUNT_EMAIL_VERIFICATION = "none"
LOGIN_URL = "/login/sign-in"

# --- cookies, headers ---
SESSION_ENGINE = "farhand.web.project.cookies"
SESSION_COOKIE_NAME = "__Host-farhand"
APPLIANCE_COOKIE_NAME = "__Host-farhand-appliance"
SESSION_COOKIE_SECURE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
FARHAND_SESSION_LIMIT_S = 12 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
CSRF_COOKIE_NAME = "__Host-farhand-csrf"
CSRF_COOKIE_SECURE = True
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "farhand.web.project.views.csrf_failure"
LANGUAGE_COOKIE_NAME = "__Host-farhand-language"
LANGUAGE_COOKIE_SECURE = True
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_AGE = 365 * 86400
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

SECURE_HSTS_SECONDS = 31_536_000
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],  # WebAssembly: farhand.web.design.policy, on pages that decode
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "worker-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 1 << 20
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]

# --- static files: everything is inside the package; names of built files carry their hash ---
STATIC_URL = "/static/"
FARHAND_BUILT = WEB / "static" / "built"
STATICFILES_DIRS = [WEB / "static"] if (WEB / "static").is_dir() else []
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_MAX_AGE = 3600
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_ADD_HEADERS_FUNCTION = policy_of_worker
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/built/assets/.+[-.][0-9A-Za-z_-]{8}\.[a-z0-9]+$"

# --- languages ---
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("fr", "Français"), ("nl", "Nederlands")]
# In an installed Farhand the catalogs are inside the package, in a clone they stand at the top.
LOCALE_PATHS = [path for path in (WEB.parent / "locale", WEB.parents[2] / "locale") if path.is_dir()]

LOGGING_CONFIG = None
TEST_RUNNER = "django.test.runner.DiscoverRunner"
SILENCED_SYSTEM_CHECKS = ["security.W021"]  # HSTS preload is the site owner's decision
