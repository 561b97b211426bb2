"""The same pictures with other sounds: what makes sound decide where STA looks.

A student that sees each video with its own sound alone can learn its pseudo-fixations from the picture, and need not
listen. Here the picture stays while the sound becomes that of something else in it, and the pseudo-fixations those of
that tag. Without a sound, they are the mean of both. Tags are all that is known of any of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from sightline.models.stanet.network import ScamNets, pool
from sightline.nn.audiovisual import FRAMES
from sightline.training.stanet.rows import Clip


def other_sounds(nets: ScamNets, clips: Sequence[Clip], seed: int) -> dict[int, Clip]:
    """The clips that show a second tag, with sounds of that tag instead of their own; by their place among `clips`.

    The second tag is the one that the audio switch sees most surely, and in at least half of the frames. Sounds are
    those of other frames, in which the tagger hears the tag.
    """
    generator = np.random.default_rng(seed)
    voices = _voices(clips)
    found = {}
    for number, clip in enumerate(clips):
        sure = _seen(nets, clip)
        allowed = (clip.tags[0] == 0) & torch.tensor([len(voice) > 0 for voice in voices])
        sure = torch.where(allowed, sure, -torch.inf)
        tag = int(sure.amax(dim=0).argmax() if len(sure) == 1 else sure.median(dim=0).values.argmax())
        if (sure[:, tag] > 0).float().mean() < 0.5:
            continue
        chosen = generator.integers(len(voices[tag]), size=len(clip))
        tags = torch.zeros_like(clip.tags)
        tags[0, tag] = 1
        video = replace(clip.video, tags=(nets.config.tags[tag],))
        found[number] = replace(clip, video=video, tags=tags, sounds=voices[tag][torch.from_numpy(chosen)])
    return found


def with_other_sounds(
    clips: Sequence[Clip], pseudo: Sequence[Tensor], others: dict[int, Clip], other_pseudo: Sequence[Tensor]
) -> tuple[list[Clip], list[Tensor]]:
    """All clips with their pseudo-fixations, with those of other sounds, and without sound.

    others, other_pseudo: of `other_sounds`, and their pseudo-fixations in the same order. A silent clip has the mean of
    the maps that there are.
    """
    second = dict(zip(others, other_pseudo, strict=True))
    silent = [replace(clip, sounds=torch.zeros_like(clip.rows([0]).audio).expand(len(clip), -1)) for clip in clips]
    means = [_mean(maps, second[number]) if number in second else maps for number, maps in enumerate(pseudo)]
    return [*clips, *others.values(), *silent], [*pseudo, *other_pseudo, *means]


def _mean(one: Tensor, other: Tensor) -> Tensor:
    """The mean of maps (N, h, w), frame by frame; of a frame that has only one, that one."""
    there = [(maps.flatten(1).amax(dim=1) > 0).float()[:, None, None] for maps in (one, other)]
    return (one + other) / (there[0] + there[1]).clamp_min(1)


def _voices(clips: Sequence[Clip]) -> list[Tensor]:
    """The sounds of each tag, (M, A)."""
    rows = [(torch.from_numpy(clip.features["audio"]).float(), clip) for clip in clips]
    belongs = [torch.from_numpy(clip.features["switch"]) > 0 for clip in clips]
    found: list[list[Tensor]] = [[] for _ in range(clips[0].tags.shape[1])]
    for (audio, clip), on in zip(rows, belongs, strict=True):
        if clip.tags.sum() == 1:
            found[int(clip.tags.argmax())].append(audio[on])
    return [torch.cat(voice) if voice else torch.empty(0, 1) for voice in found]


@torch.inference_mode()
def _seen(nets: ScamNets, clip: Clip) -> Tensor:
    """Logits of the tags that each frame shows, (N, K)."""
    rows = clip.rows()
    middle = FRAMES // 2
    return pool(nets.switch.places(rows.level4[:, middle], rows.level5[:, middle]))
