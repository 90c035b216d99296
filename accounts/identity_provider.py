"""The clinic's own identity provider, as the environment names it: docs/sign-in.md."""

from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from accounts.roles import ROLES

ID = "clinic"  # in addresses, and in the rows that tie an account to it


@dataclass(frozen=True)
class IdentityProvider:
    url: str  # without /.well-known/openid-configuration
    client_id: str
    client_secret: str
    name: str = "your clinic"  # on the button: “Sign in with …”
    # Its groups, and the roles that they give here; then it alone decides about roles, at each
    # sign-in. Empty: administrators decide here.
    roles: dict[str, str] = field(default_factory=dict)
    groups_claim: str = "groups"
    # Values of its claims amr (RFC 8176) or acr that stand for a second step, such as mfa. Empty:
    # staff take the second step here.
    second_step: tuple[str, ...] = ()
    # Whose addresses count as verified, of a provider that does not say email_verified.
    verified_domains: tuple[str, ...] = ()

    def for_allauth(self) -> dict[str, Any]:
        """What SOCIALACCOUNT_PROVIDERS is to be."""
        app = {
            "provider_id": ID,
            "name": self.name,
            "client_id": self.client_id,
            "secret": self.client_secret,
            "settings": {"server_url": self.url, "verified_email": list(self.verified_domains)},
        }
        return {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [app]}}


def named_by(env: Any) -> IdentityProvider | None:
    """None where OIDC_URL is empty. Raises ImproperlyConfigured."""
    url = env.address("OIDC_URL", "https", "http", default="").rstrip("/")
    if not url:
        return None
    roles = env.json("OIDC_ROLES", default={})
    if not isinstance(roles, dict) or not set(map(str, roles.values())) <= set(ROLES):
        raise ImproperlyConfigured(
            'OIDC_ROLES is groups with the role of each, such as {"dermatologists": "doctor"}; '
            f"roles are {', '.join(ROLES)}."
        )
    return IdentityProvider(
        url=url,
        client_id=env("OIDC_CLIENT_ID"),
        client_secret=env("OIDC_CLIENT_SECRET"),
        name=env("OIDC_NAME", default=IdentityProvider.name),
        roles=roles,
        groups_claim=env("OIDC_GROUPS_CLAIM", default=IdentityProvider.groups_claim),
        second_step=tuple(env.listed("OIDC_SECOND_STEP", default=[])),
        verified_domains=tuple(env.listed("OIDC_VERIFIED_DOMAINS", default=[])),
    )
