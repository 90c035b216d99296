"""People: they log in with an e-mail address, and belong to groups."""

import uuid
import zoneinfo
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import is_password_usable
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.db.models.functions import Lower, Now
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from accounts.age import check_born
from accounts.names import check_name


def check_time_zone(name: str) -> None:
    """Raises ValidationError."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError(_("Choose a time zone of the list."))


class UserManager(BaseUserManager["User"]):
    """Makes accounts whose e-mail address is in lower case, so that it is unique in any case."""

    use_in_migrations = True

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Store a new account; without a password nobody can log in to it."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    @transaction.atomic
    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Who may run this command need not confirm the address; mail may not work yet."""
        user = self.create_user(email, password, is_staff=True, is_superuser=True, **fields)
        user.emailaddress_set.create(email=user.email, primary=True, verified=True)
        return user

    def get_by_natural_key(self, username: str) -> "User":
        return self.get(email=username.strip().lower())

    def lock(self, person: "User") -> None:
        """Hold the row of a person to whom something is added that ``User.save`` may end.

        Raises PermissionDenied where it did since the person was read: they proved themselves
        before.
        """
        same = self.filter(
            pk=person.pk, session_stamp=person.session_stamp, is_staff=person.is_staff
        )
        if not same.select_for_update(no_key=True):
            raise PermissionDenied


class User(AbstractBaseUser, PermissionsMixin):
    class SexAtBirth(models.TextChoices):
        FEMALE = "female", _("female")
        MALE = "male", _("male")
        __empty__ = _("Not given")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(
        _("e-mail address"),
        unique=True,
        validators=[check_name],
        error_messages={"unique": _("There is already an account with this e-mail address.")},
    )
    display_name = models.CharField(_("name"), max_length=100, blank=True, validators=[check_name])
    date_of_birth = models.DateField(
        _("date of birth"), null=True, blank=True, validators=[check_born]
    )
    # Empty: not given. The program uses it where that helped on test pictures.
    sex_at_birth = models.CharField(
        _("sex at birth"), max_length=10, choices=SexAtBirth, blank=True
    )
    consent_version = models.CharField(_("version of the consent"), max_length=20, blank=True)
    consented_at = models.DateTimeField(_("consent given at"), null=True, blank=True)
    teaching_consented_at = models.DateTimeField(
        _("allowed use for training at"), null=True, blank=True
    )
    similar_consented_at = models.DateTimeField(
        _("allowed to be shown as a similar case at"), null=True, blank=True
    )
    # Empty: what the browser asks for, and the service's own time.
    language = models.CharField(_("language"), max_length=10, blank=True)
    time_zone = models.CharField(
        _("time zone"), max_length=50, blank=True, validators=[check_time_zone]
    )
    reminder_emails = models.BooleanField(
        _("E-mail me when it is time to look at a mole again"), default=True
    )
    verdict_emails = models.BooleanField(
        _(
            "E-mail me when a doctor has looked at my picture, or the program finds afterwards "
            "that a doctor should look"
        ),
        default=True,
    )
    is_active = models.BooleanField(_("active"), default=True)
    is_staff = models.BooleanField(
        _("staff"), default=False, help_text=_("May log in to the administration pages.")
    )
    date_joined = models.DateTimeField(_("joined at"), default=timezone.now, editable=False)
    # What this person's sessions were opened under: another one ends them.
    session_stamp = models.UUIDField(default=uuid.uuid4, db_default=RandomUUID(), editable=False)

    objects = UserManager()
    # Managers of models of libraries that bring no types.
    auth_token_set: Any
    authenticator_set: Any
    emailaddress_set: Any
    socialaccount_set: Any
    push_subscriptions: Any  # of a room that imports this one
    # What the row held when it was last read or written.
    _stored: Mapping[str, Any] = MappingProxyType({})

    EMAIL_FIELD = USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")), name="user_email_is_lower_case"
            ),
            models.CheckConstraint(
                condition=models.Q(consent_version="", consented_at=None)
                | (~models.Q(consent_version="") & models.Q(consented_at__isnull=False)),
                name="user_consent_has_version_and_time",
            ),
        ]

    def __str__(self) -> str:
        """What logs keep: staff act under their name, everybody else under a pseudonym."""
        return self.get_full_name() if self.is_staff else self.pseudonym

    @property
    def pseudonym(self) -> str:
        return f"P-{self.pk.hex[:8]}"

    @classmethod
    def from_db(cls, *args: Any) -> "User":
        person = super().from_db(*args)
        person._stored = person._columns()
        return person

    def refresh_from_db(
        self,
        using: str | None = None,
        fields: Iterable[str] | None = None,
        from_queryset: models.QuerySet["User", "User"] | None = None,
    ) -> None:
        names = None if fields is None else set(fields)
        super().refresh_from_db(using, names, from_queryset)
        self._remember(names)

    def save(self, *, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """Write what was changed here alone: the rest may have changed meanwhile, elsewhere.

        A new password, however it came, ends sessions, tokens and notifications; so does one that
        was switched off, and closing the account: none of them comes back with it. A stronger hash
        of the same password does not. Who becomes staff needs new tokens: the earlier ones were
        given without the second step.
        A new address, unless it is one that the person confirmed, replaces all earlier ones:
        they would still sign in, and get the links for a new password.
        What waits to be mailed for some minutes goes by what the person wants by then.
        """
        from accounts import outbox  # it comes after this module

        adding = self._state.adding
        if update_fields is None and not adding:
            update_fields = self._changed()
        names = None if update_fields is None else set(update_fields)
        changed = set() if adding else self._changed().intersection(names or ())
        closed = "is_active" in changed and not self.is_active
        ended = not adding and (self._password is not None or self._became_unusable() or closed)
        if ended:
            self.session_stamp = uuid.uuid4()
            names = {*(names or ()), "session_stamp"}
        promoted = self.is_staff and "is_staff" in changed
        moved = "email" in changed
        with transaction.atomic():
            super().save(update_fields=names, **kwargs)
            if ended or promoted:
                self.auth_token_set.all().delete()
            if ended:
                self.push_subscriptions.all().delete()
            if moved and not self.emailaddress_set.filter(email=self.email, primary=True).exists():
                self.emailaddress_set.exclude(email=self.email).delete()
                self.emailaddress_set.update_or_create(email=self.email, defaults={"primary": True})
            if changed & {"email", "is_active", "verdict_emails"}:
                outbox.follow(self)
        self._remember(names)

    def _columns(self) -> dict[str, Any]:
        """The values here of the columns that were read; none of one that was deferred."""
        names = (field.attname for field in self._meta.concrete_fields)
        return {name: self.__dict__[name] for name in names if name in self.__dict__}

    def _changed(self) -> set[str]:
        stored = self._stored
        return {
            name
            for name, value in self._columns().items()
            if name not in stored or stored[name] != value
        }

    def _became_unusable(self) -> bool:
        if "password" not in self._changed():
            return False
        return is_password_usable(self._stored.get("password")) and not self.has_usable_password()

    def _remember(self, names: Collection[str] | None) -> None:
        """Count these columns as stored; None: all."""
        now = self._columns()
        kept = now.keys() if names is None else now.keys() & names
        self._stored = {**self._stored, **{name: now[name] for name in kept}}

    def get_session_auth_hash(self) -> str:
        """What ends sessions when ``save`` meets a new password, and with nothing else.

        Django's is a hash of the password's own, keyed with SECRET_KEY. A stronger hash of the same
        password would end sessions; after a new key, Django would give each another name, which the
        list of browsers and their notifications would not know.
        """
        return self.session_stamp.hex

    def get_session_auth_fallback_hash(self) -> tuple[()]:
        return ()

    def clean(self) -> None:
        super().clean()
        self.email = self.email.strip().lower()

    def get_full_name(self) -> str:
        return self.display_name or self.email

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Rights beyond one's own things are for staff, of whom alone the second step is asked."""
        return self.is_staff and super().has_perm(perm, obj)

    @cached_property
    def factors(self) -> dict[int, str]:
        """The kinds of the second factors that are on, and of recovery codes, by their ids."""
        return dict(self.authenticator_set.values_list("pk", "type"))

    @property
    def has_second_factor(self) -> bool:
        """Whether signing in asks for a second step; for recovery codes alone it does not."""
        return not {"totp", "webauthn"}.isdisjoint(self.factors.values())

    @property
    def lacks_second_factor(self) -> bool:
        """Whether the second step of signing in has to be switched on first: by staff, who see
        other people's records. Not in the demo of `make run`."""
        return self.lacks_own_second_factor and not self.second_step_is_the_providers

    @property
    def lacks_own_second_factor(self) -> bool:
        """Whether staff who sign in by a password here have no second step after it."""
        return self.is_staff and not settings.DEMO and not self.has_second_factor

    @cached_property
    def second_step_is_the_providers(self) -> bool:
        """Whether the clinic's identity provider may vouch for it."""
        provider = settings.IDENTITY_PROVIDER
        return bool(provider and provider.second_step) and self.socialaccount_set.exists()

    @cached_property
    def roles_are_the_providers(self) -> bool:
        """Whether it alone decides what the person may do; of superusers the command line does."""
        provider = settings.IDENTITY_PROVIDER
        theirs = bool(provider and provider.roles) and not self.is_superuser
        return theirs and self.socialaccount_set.exists()


class OutgoingMail(models.Model):
    """An e-mail that the mail server has not taken yet (outbox.py); deleted once it has."""

    sender = models.CharField(max_length=500)
    recipients = ArrayField(models.EmailField())
    content = models.BinaryField()  # MIME, as it is sent
    attempts = models.PositiveSmallIntegerField(default=0)
    # While it waits for what else there is to tell: a person's one such e-mail, and of which rows.
    gathers_for = models.UUIDField(null=True, unique=True)
    about = ArrayField(models.UUIDField(), default=list, db_default=[])
    # When it may be tried; a worker that tries moves it ahead first.
    due_at = models.DateTimeField(db_default=Now())
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["due_at"], name="outgoing_mail_due")]

    def __str__(self) -> str:
        return f"e-mail {self.pk}"


class TokenDetails(models.Model):
    """What a person said of a token; one without them may do everything, and has no name."""

    class Scope(models.TextChoices):
        READ = "read", _("read everything, change nothing")
        WRITE = "write", _("change everything but the account and its tokens")
        FULL = "full", _("everything")

    token = models.OneToOneField(
        "knox.AuthToken", models.CASCADE, primary_key=True, related_name="details"
    )
    name = models.CharField(_("name"), max_length=100, blank=True, validators=[check_name])
    scope = models.CharField(_("scope"), max_length=10, choices=Scope, default=Scope.FULL)

    class Meta:
        verbose_name = _("details of a token")
        verbose_name_plural = _("details of tokens")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(scope__in=["read", "write", "full"]),
                name="token_scope_is_known",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class IdempotencyKey(models.Model):
    """A key that a program sent with a request, and what the request made."""

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="idempotency_keys"
    )
    key = models.CharField(max_length=255)
    # Of method, address and body: a key belongs to one request.
    request_digest = models.CharField(max_length=64)
    made = models.CharField(max_length=128)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        verbose_name = _("idempotency key")
        verbose_name_plural = _("idempotency keys")
        constraints = [
            models.UniqueConstraint(fields=["person", "key"], name="idempotency_key_once"),
        ]

    def __str__(self) -> str:
        return self.key
