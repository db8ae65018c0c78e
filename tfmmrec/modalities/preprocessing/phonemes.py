"""The step `phonemes`: transcribes speech to phonemes."""

import dataclasses
from typing import ClassVar

import numpy as np

from tfmmrec.modalities.preprocessing.audio import decoded, resampled
from tfmmrec.modalities.preprocessing.base import STEPS, Step, Values
from tfmmrec.modalities.preprocessing.requirements import need

_RATE = 16_000


@STEPS.register("phonemes")
@dataclasses.dataclass(frozen=True)
class Phonemes(Step):
    """Derives the text `phonemes` from English speech, such as `G OW F AO R W ER D`.

    PocketSphinx's phone loop writes the ARPABET phones of CMUdict, with the acoustic model and the
    phone language model that its wheel holds; fillers (silence, noise) are left out, and a sound
    without phones derives nothing. It hears about as well as somebody who does not know the
    language, and takes a bird for a speaker too: equal sounds give like texts, no transcript.
    """

    modalities: ClassVar[tuple[str, ...]] = ("audio",)

    def derived(self) -> dict[str, dict[str, str]]:
        return {"phonemes": {"modality": "text"}}

    def run(self, value: bytes) -> tuple[bytes, dict[str, Values]]:
        pocketsphinx = need("pocketsphinx", self.kind)
        channels, rate = decoded(value)
        wave = resampled(channels.mean(axis=1, keepdims=True), rate, _RATE)
        samples = np.round(np.clip(wave[:, 0], -1.0, 1.0) * 32767.0).astype("<i2").tobytes()
        # One decoder per sound (it loads its models in 10 ms), since a decoder adapts to its
        # input. Language weight and beams are those of the CMU Sphinx tutorial.
        decoder = pocketsphinx.Decoder(
            allphone=pocketsphinx.get_model_path("en-us/en-us-phone.lm.bin"),
            lm=None,
            dict=None,
            lw=2.0,
            beam=1e-20,
            pbeam=1e-20,
            cmn="batch",
            dither=True,  # digital silence is heard as a hiss otherwise
            seed=1,
            loglevel="FATAL",
        )
        decoder.start_utt()
        decoder.process_raw(samples, full_utt=True)
        decoder.end_utt()
        if decoder.hyp() is None:
            return value, {}
        heard = [segment.word for segment in decoder.seg()]
        phones = [word for word in heard if word.isalpha() and word != "SIL"]
        return value, {"phonemes": [" ".join(phones).encode()]} if phones else {}
