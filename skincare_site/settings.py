"""All settings, from the environment: NAME, or NAME_FILE with a path whose content is the value.

What has no default here stops the start with its name when it is missing. `make run` and the
tests set all of them; docker-compose.yml and .env.example show a production set.
"""

import ssl
import sys
from datetime import timedelta
from pathlib import Path

from corsheaders.defaults import default_headers
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy
from kombu import Queue

from accounts import identity_provider
from diagnosis.queue import Task
from skincare_site import logs, storages
from skincare_site.api import description
from skincare_site.environment import Environment, in_one_sentence

BASE_DIR = Path(__file__).resolve().parent.parent

env = Environment()
sys.excepthook = in_one_sentence

# --- the environment -------------------------------------------------------------------------
SECRET_KEY = env("SECRET_KEY")
# Earlier ones, by commas: what they signed stays valid until they are taken out.
SECRET_KEY_FALLBACKS = env.listed("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS")
# Off only where no TLS ends before this process, which is `make run` on the own machine.
HTTPS = env.switch("HTTPS", default=True)
# For links in e-mails: a request may name any port.
SITE_URL = env.site("SITE_URL", default=f"{'https' if HTTPS else 'http'}://{ALLOWED_HOSTS[0]}")
# How many proxies in front add to X-Forwarded-For; rate limits need the client's address.
TRUSTED_PROXIES = env.count("TRUSTED_PROXIES", default=0, least=0)
# Behind PgBouncer that pools transactions, DATABASE_URL ends with
# ?DISABLE_SERVER_SIDE_CURSORS=True&CONN_MAX_AGE=0: docs/scaling.md.
DATABASES = {
    "default": {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True, "ATOMIC_REQUESTS": False}
    | env.db("DATABASE_URL")
}
REDIS_URL = env.broker("REDIS_URL")
MEDIA_ROOT = env("MEDIA_ROOT")
STATIC_ROOT = env("STATIC_ROOT", default=str(BASE_DIR / "var/static"))
ML_ENGINE = env("ML_ENGINE", default="litert")
if ML_ENGINE not in ("litert", "keras"):
    raise ImproperlyConfigured(f"ML_ENGINE is litert or keras, not {ML_ENGINE!r}")
# Without one, e-mails wait for it in the outbox, for three days.
vars().update({"EMAIL_BACKEND": ""} | env.email_url("EMAIL_URL"))
# The workers hand over to it what everything else puts into the outbox.
MAIL_SERVER_BACKEND, EMAIL_BACKEND = vars()["EMAIL_BACKEND"], "accounts.outbox.Backend"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.sender(
    "DEFAULT_FROM_EMAIL", default=f"Skincare mole check <noreply@{ALLOWED_HOSTS[0]}>"
)
# For /.well-known/security.txt, such as mailto:security@example.org; empty: it does not exist.
SECURITY_CONTACT = env.contact("SECURITY_CONTACT")
# Networks beside the public internet that webhooks may reach, such as 10.20.0.0/16 of a hospital.
WEBHOOK_NETWORKS = env.networks("WEBHOOK_NETWORKS")
# Signs notifications in browsers that a doctor has answered: manage.py make_vapid_key writes one.
# Empty: there are none.
VAPID_KEY = env.vapid_key("VAPID_KEY")
# Empty: /metrics does not exist.
METRICS_TOKEN = env("METRICS_TOKEN", default="")
# A key of age: AGE-SECRET-KEY-1…, or age1… alone, which makes backups and opens none.
BACKUP_KEY = env("BACKUP_KEY", default="")
# What the image was built as.
VERSION = env("VERSION", default="unreleased")
# `make run` on the own machine: logins that everybody knows, and staff without a second factor.
DEMO = env.switch("DEMO", default=False)

# --- the application -------------------------------------------------------------------------
INSTALLED_APPS = [
    "accounts",
    "audit",
    "backups",
    "diagnosis",
    "skincare_site.apps.OurAdmin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "whitenoise.runserver_nostatic",
    "skincare_site.apps.OurStaticFiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "corsheaders",
    "django_htmx",
    "auditlog",
    "csp",
    "django_prometheus",
]
MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "skincare_site.middleware.add_headers",
    "corsheaders.middleware.CorsMiddleware",
    "skincare_site.api.middleware.manners",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "skincare_site.middleware.RefuseMalformed",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.staff.end_early",
    "accounts.middleware.clean_device",
    "accounts.middleware.preferences",
    "accounts.middleware.ClosePages",
    "django.contrib.messages.middleware.MessageMiddleware",
    "accounts.middleware.tell_what_is_lost",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "audit.middleware.AuditMiddleware",
    "audit.middleware.log_looks",
    "django_htmx.middleware.HtmxMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]
ROOT_URLCONF = "skincare_site.urls"
WSGI_APPLICATION = "skincare_site.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.single_sign_on.ways",
            ],
        },
    },
]
LANGUAGE_CODE = "en-gb"
# Each in its own words; locale/README.md says how one more is added.
LANGUAGES = [("en-gb", "English"), ("nl", "Nederlands"), ("fr", "Français"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]
# In which times are given to who has chosen no other, such as readers of a shared page.
TIME_ZONE = env.time_zone("TIME_ZONE", default="UTC")

# --- people ----------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.addresses.Backend"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        # NIST SP 800-63B-4, 3.1.1.2: length matters, rules of composition do not.
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "accounts.passwords.BreachedValidator"},
    {"NAME": "accounts.passwords.GuessableValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "diagnosis:home"
ACCOUNT_LOGOUT_REDIRECT_URL = "diagnosis:home"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_ADAPTER = "accounts.adapter.Adapter"
ACCOUNT_FORMS = {
    "signup": "accounts.forms.SignupForm",
    "reset_password": "accounts.forms.ResetPasswordForm",
    "change_password": "accounts.forms.ChangePasswordForm",
}
# Beside allauth's own, which allow five wrong passwords in five minutes from each place.
ACCOUNT_RATE_LIMITS = {"login_failed_anywhere": "30/5m/key", "mail": "5/h/key"}
# "mandatory" also keeps sign-up from telling who has an account; the demo of `make run`, which
# only its own machine reaches, says "optional".
ACCOUNT_EMAIL_VERIFICATION = env("EMAIL_VERIFICATION", default="mandatory")
ACCOUNT_EMAIL_SUBJECT_PREFIX = gettext_lazy("Skincare mole check: ")
ACCOUNT_EMAIL_NOTIFICATIONS = True
# The password again before an address is added, taken into use or removed; for the rest it is so.
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {
    "authenticate": "accounts.factors.AuthenticateForm",
    "reauthenticate": "accounts.factors.ReauthenticateForm",
    "authenticate_webauthn": "accounts.factors.AuthenticateWebAuthnForm",
    "reauthenticate_webauthn": "accounts.factors.ReauthenticateWebAuthnForm",
    "login_webauthn": "accounts.factors.LoginWebAuthnForm",
    "add_webauthn": "accounts.factors.AddWebAuthnForm",
    "edit_webauthn": "accounts.factors.EditWebAuthnForm",
}
MFA_TOTP_ISSUER = "Skincare mole check"
MFA_TOTP_TOLERANCE = 1  # a phone's clock may be half a minute off
MFA_PASSKEY_LOGIN_ENABLED = True

# Sign-in through the clinic's own identity provider: OIDC_URL and what docs/sign-in.md lists.
IDENTITY_PROVIDER = identity_provider.named_by(env)
# 0: people sign in through OIDC_URL alone.
LOCAL_PASSWORDS = env.switch("LOCAL_PASSWORDS", default=True)
if not LOCAL_PASSWORDS and not IDENTITY_PROVIDER:
    raise ImproperlyConfigured("LOCAL_PASSWORDS=0 needs OIDC_URL: nobody could sign in.")
SOCIALACCOUNT_PROVIDERS = IDENTITY_PROVIDER.for_allauth() if IDENTITY_PROVIDER else {}
SOCIALACCOUNT_ADAPTER = "accounts.single_sign_on.Adapter"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_LOGIN_ON_GET = True  # no form: its redirect would have to stand in form-action below

# --- pictures and files ----------------------------------------------------------------------
STORAGES = {
    **storages.named_by(env),
    # Collected as root, read by the image's own user; pictures keep the narrower mode below.
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage",
        "OPTIONS": {"file_permissions_mode": 0o644},
    },
}
FILE_UPLOAD_PERMISSIONS = 0o640
DATA_UPLOAD_MAX_NUMBER_FILES = 6  # one more than a sitting may have, which gets its sentence
# Above it a request is refused unread; a picture that is larger than allowed gets its sentence.
MAX_REQUEST_BYTES = 100 * 1000**2  # the proxy refuses from there on (deploy/Caddyfile)
FILE_UPLOAD_HANDLERS = ["diagnosis.records.pictures.BoundedUploadHandler"]
# Pictures leave through a view that checks the permission. Behind the proxy it only names the
# file, and the proxy sends it (deploy/Caddyfile); elsewhere Django streams it.
SENDFILE_BACKEND = env("SENDFILE_BACKEND", default="django_sendfile.backends.simple")
SENDFILE_ROOT = MEDIA_ROOT
SENDFILE_URL = "/protected"
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static", *storages.packages_of(BASE_DIR / "node_modules")]

# What one person may ask for: (how many, in how many seconds), and keep in all.
LIMITS = {
    "uploads": (60, 60),
    "previews": (60, 60),
    "reassessments": (60, 3600),
    "changes": (120, 600),
    "reports": (30, 600),
    "shares": (30, 3600),
    "downloads": (20, 3600),
    "webhooks": (30, 3600),
    "push": (30, 3600),
}
# How many pictures one person may keep, and how many moles.
MAX_RECORDS = env.count("MAX_RECORDS", default=5000)
# And how much of the disk they may take.
MAX_MEGABYTES = env.count("MAX_MEGABYTES", default=2000)
# Whether doctors may look for similar pictures of others: reviewed ones, of people who allow it.
SIMILAR_CASES = env.switch("SIMILAR_CASES", default=False)
# Child processes that decode, of each web process: two in all, which take up to 450 MB each.
PICTURES_AT_ONCE = max(1, 2 // env.count("WEB_WORKERS", default=1))

# --- Celery: the database is the only memory, a message is a hint -------------------------------
CELERY_BROKER_URL = REDIS_URL
# Celery alone would ask whoever answers there for no certificate.
if REDIS_URL.startswith("rediss:"):
    CELERY_BROKER_USE_SSL = {"ssl_cert_reqs": ssl.CERT_REQUIRED}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_CONCURRENCY = env.count("WORKER_CONCURRENCY", default=2)
# The one place of time limits: a claim lasts the hard limit and a few seconds. With the sweep,
# what a killed worker held is finished within a minute.
CELERY_TASK_SOFT_TIME_LIMIT = 15
CELERY_TASK_TIME_LIMIT = 20
# Each process loads the model before it says that it is there; TensorFlow takes its time.
CELERY_WORKER_PROC_ALIVE_TIMEOUT = 120
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 60,
    "socket_connect_timeout": 1,
    "socket_timeout": 2,
    "socket_keepalive": True,
    # For who sends: without these, an upload waits 6 s for a broker that is down.
    "max_retries": 0,
    "interval_start": 0,
    "interval_step": 0,
}
# A queue of their own: behind a long one, sweeps would expire unread. A worker reads all.
# So have webhooks and notifications: receivers that answer slowly must not stand before pictures;
# and comparisons, of which one picture can ask for as many as its mole has, and reassessments,
# of which another place of a mole asks for all of its pictures.
CELERY_TASK_QUEUES = [
    Queue(name) for name in ("celery", "reassessments", "changes", "sweeps", "webhooks")
]

CELERY_TASK_ROUTES = {
    "diagnosis.tasks.sweep_*": {"queue": "sweeps"},
    "accounts.tasks.*": {"queue": "sweeps"},
    Task.REASSESS_RECORD: {"queue": "reassessments"},
    Task.MEASURE_CHANGE: {"queue": "changes"},
    Task.TELL_WEBHOOK: {"queue": "webhooks"},
    Task.SEND_PUSH: {"queue": "webhooks"},
}
# In memory: all beats are short, so that nothing is worth remembering over a restart.
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"
CELERY_BEAT_SCHEDULE = {
    "records": {"task": Task.SWEEP_RECORDS, "schedule": timedelta(seconds=10)},
    "mails": {"task": "accounts.tasks.send_mails", "schedule": timedelta(seconds=30)},
    "webhooks": {"task": Task.SWEEP_WEBHOOKS, "schedule": timedelta(seconds=10)},
    "pushes": {"task": Task.SWEEP_PUSHES, "schedule": timedelta(seconds=30)},
    "changes": {"task": Task.SWEEP_CHANGES, "schedule": timedelta(minutes=1)},
    "files": {"task": Task.SWEEP_FILES, "schedule": timedelta(hours=1)},
    "reminders": {"task": Task.SWEEP_REMINDERS, "schedule": timedelta(minutes=10)},
    "shares": {"task": Task.SWEEP_SHARES, "schedule": timedelta(hours=1)},
    "expired": {"task": Task.SWEEP_EXPIRED, "schedule": timedelta(hours=6)},
}

# Rate limits are kept here. Without Redis, each process keeps its own: people still log in.
CACHES = {
    "default": {
        "BACKEND": "skincare_site.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {
            "SOCKET_CONNECT_TIMEOUT": 1,
            "SOCKET_TIMEOUT": 1,
            "MAX_ENTRIES": 10_000,  # in a process, without Redis: no stranger drives others' out
        },
    }
}

# --- the API ---------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.TokenAuthentication",
        "accounts.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticated",
        "accounts.permissions.WithinScope",
        "accounts.permissions.ProvenLately",
    ],
    "DEFAULT_RENDERER_CLASSES": ["skincare_site.api.rendering.FastJSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["skincare_site.api.requests.OneMeaningJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "skincare_site.api.requests.OneRepresentation",
    "DEFAULT_PAGINATION_CLASS": "skincare_site.api.pagination.KeysetPagination",
    "DEFAULT_FILTER_BACKENDS": ["skincare_site.api.filtering.ListFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["skincare_site.api.throttling.CountedThrottle"],
    "DEFAULT_THROTTLE_RATES": {
        "user": "600/min",
        "token": "20/min",
        "signup": "20/min",
        "share": "60/min",
    },
    "EXCEPTION_HANDLER": "skincare_site.api.problems.as_problem",
    "NUM_PROXIES": TRUSTED_PROXIES,
}
# Pages of other sites that may call the API with a token: none, unless they are named here.
CORS_ALLOWED_ORIGINS = env.listed("CORS_ALLOWED_ORIGINS", default=[])
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_HEADERS = (*default_headers, "idempotency-key", "if-match", "if-none-match")
CORS_EXPOSE_HEADERS = ("ETag", "Retry-After", "RateLimit", "RateLimit-Policy")
SPECTACULAR_SETTINGS = description.SETTINGS

# --- security --------------------------------------------------------------------------------
SECURE_SSL_REDIRECT = HTTPS
# Orchestrators ask without TLS, inside the network.
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]
# 0 on the own machine: a browser would remember for a year that localhost speaks TLS.
SECURE_HSTS_SECONDS = env.count("HSTS_SECONDS", default=365 * 24 * 3600 if HTTPS else 0, least=0)
# Binds all subdomains, and browsers' lists keep it for months: for those who own the whole domain.
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = env.switch("HSTS_PRELOAD", default=False)
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]  # that choice, each way
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
# Browsers take it from this very host alone, none beside it in the domain (RFC 6265bis, 4.1.3.2).
SESSION_COOKIE_NAME = "__Host-sessionid" if HTTPS else "sessionid"
SESSION_COOKIE_AGE = 14 * 24 * 3600
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "media-src": [SELF, "blob:"],
        "worker-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

# The log tells who, when and what, never what is in a note or a picture.
AUDIT_LOG_DAYS = env.int("AUDIT_LOG_DAYS", default=3 * 365)
# audit/migrations/0002_old_entries.py, and the first day that PostgreSQL knows
if not 365 <= AUDIT_LOG_DAYS <= 1_000_000:
    raise ImproperlyConfigured(
        "AUDIT_LOG_DAYS is from 365, since the database keeps younger entries, to 1000000."
    )
AUDITLOG_DISABLE_ON_RAW_SAVE = True
# It would believe any X-Forwarded-For, and break on one that is not an address.
AUDITLOG_DISABLE_REMOTE_ADDR = True
# Whatever a client says there would be kept, and one that is too long be an error.
AUDITLOG_CID_HEADER = None
LOGGING = logs.configuration()
