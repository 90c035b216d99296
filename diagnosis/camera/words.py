"""What the camera page's script says: the server's words, for a page that works without it."""

from django.utils.translation import gettext as _

from diagnosis.language import results, terms
from ml import taxonomy


def words() -> dict[str, dict]:
    """Answers by advice from the mildest on, what makes them say little, hints by reason or
    warning, and other sentences."""
    trust_less = _("So trust this answer less, and show the mole to a doctor.")
    return {
        "answers": {
            advice: {
                "tone": results.TONES[advice],
                "heading": str(results.HEADINGS[advice]),
                "how_soon": str(results.HOW_SOON[advice]),
            }
            for advice in taxonomy.ADVICE
            if advice in results.HOW_SOON
        },
        "untested": {
            "dark": {
                "heading": str(results.HARDLY_ON_DARK_SKIN),
                "why": f"{results.UNTESTED_SKIN} {trust_less}",
            },
            "minor": {
                "heading": str(results.TOO_LITTLE_TESTED),
                "why": f"{results.ADULTS_ONLY} {trust_less}",
            },
        },
        "hints": {code: str(text) for code, text in (terms.REASONS | terms.WARNINGS).items()}
        | {
            "too_near": _(
                "It stays blurred: the phone may be too near to focus. Move it away until the mole "
                "is sharp, then use the zoom, or choose another camera."
            )
        },
        "says": {
            "loading": _("Getting the program: %(total)s MB"),
            "ready": _("The program is ready."),
            "starting": _("Starting the camera…"),
            "looking": _("Put one mole in the frame"),
            "stays": _(
                "A warning sign was seen. It stays here for this mole, also when a later look is "
                "better. For another mole, press “Another mole”."
            ),
            "taken": _("Picture %(number)s of %(total)s is taken. Move the phone a little."),
            "not_taken": _("Nothing was saved: the camera stopped before a picture was taken."),
            "sending": _("Sending the picture…"),
            "is_offline": _(
                "You are offline. The camera works all the same. A picture that you save is kept "
                "on this phone until you send it, for at most 30 days."
            ),
            "offline": _(
                "The picture could not be sent. It is kept on this phone. Try again below when "
                "you are online."
            ),
            "signIn": _("The picture is kept on this phone. Sign in, then send it below."),
            "refused": _("The picture was not taken. It is kept on this phone."),
            "not_kept": _(
                "The picture could neither be sent nor be kept on this phone. Save it again when "
                "you are online and signed in."
            ),
            "deleted": _("The picture is deleted."),
            "too_old": _("Kept here for 30 days, never sent, and deleted now: %(number)s."),
            "gone": _("It was sent or deleted in another tab."),
            "taken_away": _("The camera was switched off."),
            "broken": _("Something went wrong. Load the page again."),
            "no_model": _(
                "The program could not be loaded. Check your connection and load the page again."
            ),
            "unsupported": _(
                "This browser can’t do this. Use a newer one, or upload a picture instead."
            ),
            "stands_still": _(
                "The camera gives no new picture. Another program may use it, or it is covered or "
                "switched off. Close that program, or stop and start again."
            ),
            "no_torch": _("The camera did not switch the light."),
            "no_zoom": _("The camera did not zoom."),
            "camera": _("Camera %(number)s"),
            "failed": _(
                "The camera could not be started. Start again. You can also upload a picture "
                "instead."
            ),
        }
        | {name: str(text) for name, text in refusals().items()},
    }


def refusals() -> dict[str, str]:
    """What to do, by the name of each error that getUserMedia may raise (Media Capture, 10.2)."""
    not_allowed = _(
        "This page may not use the camera. Allow it in the settings of your browser, then "
        "start again. You can also upload a picture instead."
    )
    in_use = _("The camera is in use by another program. Close that program, then start again.")
    not_here = _(
        "Browsers give the camera only to pages with a secure address (https). Open this page by "
        "one, or upload a picture instead."
    )
    return {
        "NotAllowedError": not_allowed,
        "NotFoundError": _("No camera was found. You can upload a picture instead."),
        "NotReadableError": in_use,
        "AbortError": in_use,
        "OverconstrainedError": _(
            "No camera of this device can do what is needed. You can upload a picture instead."
        ),
        "SecurityError": not_here,
        "TypeError": not_here,
        "InvalidStateError": _("Bring this page to the front, then start the camera again."),
    }
