"""Speech of Gemini models for callers of OpenAI's dialect, by ``:generateContent`` (Gemini API documentation, "Speech
generation"; OpenAI API reference, "Create speech").

The model answers with plain samples (16 bits, one channel, mostly 24000 a second) as ``inlineData``; they go on as they
are (``pcm``) or as a WAV file. Directions belong into the text itself. Tokens are told, and bounded beforehand by what
slow speech takes: 25 tokens are a second.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from typing import Any

import msgspec

from pixapi.errors import BadRequest, UpstreamInvalid, UpstreamRejected
from pixapi.interfaces.call import Call, Result
from pixapi.interfaces.usage import Usage
from pixapi.wire.gemini_image_reply import filtered_out
from pixapi.wire.gemini_names import field, words
from pixapi.wire.gemini_parts import blocked_reason, finish_reason
from pixapi.wire.gemini_reply import open_reply
from pixapi.wire.json import Fields, encode, is_null, lenient, lenient_fields, lenient_objects
from pixapi.wire.openai_media_sizes import characters_asked

_RATE = re.compile(r"rate=(\d{4,6})")
_USUAL_RATE = 24_000
_LEAST_TOKENS = 256
_TOKENS_PER_CHARACTER = 10
_MOST_TOKENS = 16_384


def most_spoken(call: Call) -> int:
    """The most tokens of sound that the text can take; the model is not asked for more. Raises BadRequest."""
    return min(_MOST_TOKENS, _LEAST_TOKENS + _TOKENS_PER_CHARACTER * characters_asked(call.fields))


def write_speech_call(call: Call) -> bytes:
    """The body of ``:generateContent``.

    Raises:
        BadRequest: a field asks for what these models cannot do.
    """
    fields = call.fields
    _check(fields)
    config: dict[str, Any] = {"responseModalities": ["AUDIO"], "maxOutputTokens": most_spoken(call)}
    voice = lenient(fields.get("voice"))
    if voice is not None and not isinstance(voice, str):
        raise BadRequest(
            "voice is of a wrong type; expected the name of one of Google's voices", param="voice"
        )
    if voice:
        config["speechConfig"] = {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": voice}}}
    parts = [{"text": lenient(fields.get("input"))}]
    return encode({"contents": [{"role": "user", "parts": parts}], "generationConfig": config})


def _check(fields: Fields) -> None:
    if lenient(fields.get("response_format")) not in (None, "wav", "pcm"):
        raise BadRequest(
            "response_format is none that this model makes; expected wav or pcm", param="response_format"
        )
    if lenient(fields.get("speed")) not in (None, 1):
        raise BadRequest("speed cannot be chosen at this model; leave it out", param="speed")
    if not is_null(fields.get("instructions")):
        raise BadRequest(
            "this model takes directions within the text, such as `Say cheerfully: ...`; leave instructions out",
            param="instructions",
        )


def read_speech(call: Call, body: bytes) -> Result:
    """The sound; a WAV file unless plain samples were asked for.

    Raises:
        UpstreamRejected: a filter kept it back (``moderation_blocked``), or it broke off.
        UpstreamError: it is an error in spite of its status.
        UpstreamInvalid: it holds no sound.
    """
    fields, candidates, usage = open_reply(body)
    if not candidates:
        raise filtered_out(blocked_reason(lenient(field(fields, "promptFeedback"))) or "", "promptFeedback")
    kind, samples = _samples(candidates[0])
    reason = words(lenient(field(candidates[0], "finishReason")))
    if reason == "MAX_TOKENS":
        raise UpstreamRejected(
            "The text is too long to be spoken in one call; send it in pieces.",
            code="text_too_long",
            param="input",
            upstream_status=200,
            upstream_code=reason,
        )
    if not samples:
        if finish_reason(reason, has_calls=False) == "content_filter":
            raise filtered_out(words(lenient(field(candidates[0], "finishMessage"))), reason)
        raise UpstreamInvalid("The provider of this model answered without any sound; try again.")
    used = _of_sound(usage, characters_asked(call.fields))
    wants_samples = lenient(call.fields.get("response_format")) == "pcm"
    if kind.startswith(("audio/l16", "audio/pcm")):
        rate = _RATE.search(kind)
        sound = samples if wants_samples else _wav(samples, int(rate[1]) if rate else _USUAL_RATE)
        return Result(used, sound, media_type="audio/pcm" if wants_samples else "audio/wav")
    if kind == "audio/wav" and not wants_samples:
        return Result(used, samples, media_type=kind)
    raise UpstreamInvalid(
        "The provider of this model answered with sound of another format than was asked for."
    )


def _samples(candidate: Fields) -> tuple[str, bytes]:
    """The media type in small letters, and all pieces of it together."""
    kind, found = "", b""
    for part in lenient_objects(lenient_fields(field(candidate, "content")).get("parts")):
        inline = lenient_fields(field(part, "inlineData"))
        said = words(lenient(field(inline, "mimeType"))).lower()
        if said.startswith("audio/") and kind in ("", said):
            kind = said
            try:
                found += base64.b64decode(words(lenient(field(inline, "data"))))
            except (binascii.Error, ValueError):
                raise UpstreamInvalid(
                    "The provider of this model answered with sound that cannot be read; try again."
                ) from None
    return kind, found


def _wav(samples: bytes, rate: int) -> bytes:
    """A WAV file of 16-bit samples of one channel (RIFF, format 1)."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16)
    data = struct.pack("<4sI", b"data", len(samples)) + samples
    return struct.pack("<4sI", b"RIFF", 4 + len(form) + len(data)) + b"WAVE" + form + data


def _of_sound(usage: Usage | None, characters: int) -> Usage:
    """What was put out is sound where its kind is not told, since nothing else was asked for."""
    used = usage or Usage()
    if used.audio_output is None and used.output is not None:
        used = msgspec.structs.replace(used, output=0, audio_output=used.output)
    return msgspec.structs.replace(used, characters=characters)
