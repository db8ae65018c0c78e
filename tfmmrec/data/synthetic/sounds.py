"""Sounds of synthetic items: repeated notes with a pitch and a rhythm, as 16-bit WAV."""

import io

import numpy as np
import soundfile

SAMPLE_RATE = 16_000
_NUM_CLUSTERS = 8
_NUM_HARMONICS = 6


def play_sound(
    cluster: int, details: np.ndarray, rng: np.random.Generator, *, seconds: float = 1.0
) -> bytes:
    """Synthesizes the sound of an item: 16 kHz, mono.

    Args:
        cluster: the pitch (160 to 1114 Hz) and rhythm (2 to 9 notes per second), from 0 to 7.
        details: the sharpness of the timbre and the decay of the notes, `[2]` in [-1, 1].
        rng: draws tuning, loudness, phase and hiss, which are noise.
        seconds: the duration.

    Returns:
        A WAV file.

    Examples:
        >>> play_sound(3, np.zeros(2), np.random.default_rng(0))[:4]
        b'RIFF'
    """
    pitch = 160.0 * 2.0 ** (0.4 * cluster) * rng.uniform(0.97, 1.03)
    notes_per_second = 2.0 + (3 * cluster) % _NUM_CLUSTERS
    sharpness = 0.45 + 0.35 * details[0]
    fading = 3.0 * 10.0 ** ((details[1] + 1.0) / 2.0)

    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tone = np.zeros_like(time)
    for harmonic in range(1, _NUM_HARMONICS + 1):
        phase = rng.uniform(0.0, 2.0 * np.pi)
        volume = sharpness ** (harmonic - 1)
        tone += volume * np.sin(2.0 * np.pi * pitch * harmonic * time + phase)
    since_note = (time + rng.uniform(0.0, 0.2)) % (1.0 / notes_per_second)
    wave = tone * np.exp(-fading * since_note) + rng.normal(0.0, 0.02, len(time))
    wave *= rng.uniform(0.4, 0.9) / np.abs(wave).max()
    out = io.BytesIO()
    soundfile.write(out, wave, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return out.getvalue()
