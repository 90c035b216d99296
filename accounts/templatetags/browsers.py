"""A browser in a person's words."""

from django import template
from django.utils.translation import gettext as _

register = template.Library()

# Each says what it is among what it pretends to be: the first that fits is right.
BROWSERS = {
    "Edg/": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser/": "Samsung Internet",
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "CriOS/": "Chrome",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
DEVICES = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Mac OS X": "Mac",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


@register.filter
def browser(user_agent: str) -> str:
    """Such as "Firefox on Android" for a User-Agent header; what is unknown is left out."""
    name = next((name for sign, name in BROWSERS.items() if sign in user_agent), _("A browser"))
    device = next((name for sign, name in DEVICES.items() if sign in user_agent), "")
    return _("%(browser)s on %(device)s") % {"browser": name, "device": device} if device else name
