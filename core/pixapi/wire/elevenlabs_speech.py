"""Speech of OpenAI's API (OpenAI API reference, "Create speech") from ElevenLabs' text to speech.

Source: ElevenLabs API reference, "Create speech" (POST /v1/text-to-speech/{voice_id}); `elevenlabs` 2.78 on PyPI.

What the vendor charges (header ``character-cost``) is in its own credits: half a credit a character for some models,
more than one for some voices. So a call is counted by the characters of its text, which are known before it is made
and which its caller can count too; the credits are what the operator pays.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote

import msgspec

from pixapi.errors import BadRequest
from pixapi.interfaces.call import Call, Result
from pixapi.interfaces.http import HttpReply
from pixapi.interfaces.usage import Usage
from pixapi.wire.elevenlabs_errors import is_error, read_error
from pixapi.wire.json import Fields, encode, is_null, lenient, lenient_fields, raw
from pixapi.wire.openai_media import relay_media_reply

_FORMATS = {"mp3": "mp3_44100_128", "opus": "opus_48000_96", "wav": "wav_24000", "pcm": "pcm_24000"}
"""OpenAI's names; its `pcm` and `wav` have 24 kHz, too."""
_THEIRS = re.compile(r"(?:mp3|opus|wav|pcm|ulaw|alaw)_\d{4,6}(?:_\d{1,3})?")
_KINDS = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
    "ulaw": "audio/basic",
    "alaw": "audio/x-alaw-basic",
}
_VOICE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PASSED = (
    "voice_settings",
    "language_code",
    "seed",
    "previous_text",
    "next_text",
    "apply_text_normalization",
    "apply_language_text_normalization",
)
"""The vendor's own fields that cost nothing and reach for nothing that belongs to somebody else."""
_WITHHELD = ("previous_request_ids", "next_request_ids", "pronunciation_dictionary_locators")


def write_speech(call: Call, voices: Mapping[str, str], *, only_named_voices: bool) -> tuple[str, bytes]:
    """Path with its query, and body. ``voices``: the vendor's id by the name that callers give a voice.

    Raises:
        BadRequest: a field is missing, of a wrong type, or says what the vendor has no word for.
    """
    fields = call.fields
    if not is_null(fields.get("instructions")) and lenient(fields["instructions"]) != "":
        raise BadRequest(
            "instructions: this model takes none; leave it out, and where the model knows such tags write them "
            "into `input`, for instance [whispers]",
            param="instructions",
        )
    for name in _WITHHELD:
        if not is_null(fields.get(name)):
            raise BadRequest(
                f"{name} names what belongs to the operator's account, and is not taken here; leave it out",
                param=name,
            )
    body: dict[str, Any] = {"text": fields.get("input"), "model_id": call.model}
    body |= {name: fields[name] for name in _PASSED if not is_null(fields.get(name))}
    speed = fields.get("speed")
    if not is_null(speed):
        body["voice_settings"] = {**lenient_fields(body.get("voice_settings")), "speed": _number(speed)}
    voice = quote(_voice(fields, voices, only_named_voices=only_named_voices), safe="")
    return f"/v1/text-to-speech/{voice}?output_format={_format(fields)}", encode(body)


def read_speech(call: Call, reply: HttpReply, credit_usd: Decimal | None) -> Result:
    """The sound. ``credit_usd``: what the operator pays for a credit of the vendor's.

    Raises:
        UpstreamError: it is an error in spite of its status.
        UpstreamInvalid: it is no sound.
    """
    if is_error(reply.body):
        raise read_error(None, reply.body)
    result = relay_media_reply(call, reply)
    kind = result.media_type
    if "audio/" not in reply.headers.get("content-type", ""):
        kind = _KINDS[_format(call.fields).partition("_")[0]]
    usage = msgspec.structs.replace(result.usage or Usage(), provider_cost_usd=_cost(reply, credit_usd))
    return msgspec.structs.replace(result, usage=usage, media_type=kind)


def _voice(fields: Fields, voices: Mapping[str, str], *, only_named_voices: bool) -> str:
    said = lenient(fields.get("voice"))
    said = said.get("id") if isinstance(said, dict) else said
    if not isinstance(said, str) or not said:
        raise BadRequest("voice is missing; expected the name or the id of a voice", param="voice")
    voice = voices.get(said)
    if voice is None and only_named_voices:
        known = ", ".join(voices) or "none"
        raise BadRequest(f"there is no voice {said[:40]!r} here; expected one of: {known}", param="voice")
    voice = said if voice is None else voice
    if not _VOICE.fullmatch(voice):
        raise BadRequest("voice is no id of a voice; expected letters and digits", param="voice")
    return voice


def _format(fields: Fields) -> str:
    said = lenient(fields.get("response_format"))
    said = "mp3" if said is None else said
    if isinstance(said, str):
        if said in _FORMATS:
            return _FORMATS[said]
        if _THEIRS.fullmatch(said):
            return said
    raise BadRequest(
        "response_format is not offered by this model's provider; expected mp3, opus, wav or pcm, or one of its "
        "own such as mp3_22050_32",
        param="response_format",
    )


def _number(value: msgspec.Raw | None) -> msgspec.Raw:
    said = lenient(value)
    if isinstance(said, bool) or not isinstance(said, int | float):
        raise BadRequest("speed is no number; expected one such as 1.1", param="speed")
    return raw(said)


def _cost(reply: HttpReply, credit_usd: Decimal | None) -> str | None:
    said = reply.headers.get("character-cost")
    if said is None or credit_usd is None:
        return None
    try:
        credits = Decimal(said.strip())
    except InvalidOperation:
        return None
    return f"{credits * credit_usd:f}" if credits.is_finite() and credits >= 0 else None
