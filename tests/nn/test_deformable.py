import torch

from sightline.nn.deformable import Decoder, Encoder, Levels, cell_centres, layer_config, logit


def test_levels_come_back_as_they_were() -> None:
    maps = [torch.rand(2, 4, 3, 5), torch.rand(2, 4, 2, 2)]
    levels = Levels.of(maps)
    assert levels.tokens.shape == (2, 19, 4)
    for before, after in zip(maps, levels.maps(), strict=True):
        torch.testing.assert_close(before, after)


def test_the_encoder_tells_places_apart_and_stays_local() -> None:
    torch.manual_seed(0)
    encoder = Encoder(layer_config(16, 2, 16, 2, 2), 1).eval()
    maps = [torch.rand(1, 16, 8, 8), torch.rand(1, 16, 4, 4)]
    same = encoder(Levels.of([torch.ones(1, 16, 8, 8), torch.ones(1, 16, 4, 4)])).maps()[0]
    assert (same[..., 0, 0] - same[..., 5, 6]).abs().max() > 1e-3
    before = encoder(Levels.of(maps)).maps()[0]
    maps[0][..., 7, 7] += 5.0
    after = encoder(Levels.of(maps)).maps()[0]
    changed = (after - before).abs().amax(dim=1)[0]
    assert changed[7, 7] > 1e-3
    assert changed[0, 0] == 0


def test_a_new_decoder_leaves_boxes_where_they_are() -> None:
    torch.manual_seed(0)
    decoder = Decoder(layer_config(16, 2, 16, 1, 2), 2).eval()
    boxes = torch.rand(1, 3, 4) * 0.5 + 0.25
    _, moved = decoder(torch.rand(1, 3, 16), boxes, Levels.of([torch.rand(1, 16, 6, 6)]))
    assert len(moved) == 2
    torch.testing.assert_close(moved[1], boxes)


def test_masked_queries_do_not_see_each_other() -> None:
    torch.manual_seed(0)
    decoder = Decoder(layer_config(16, 2, 16, 1, 2), 2).eval()
    memory, boxes = Levels.of([torch.rand(1, 16, 6, 6)]), torch.full((1, 4, 4), 0.5)
    queries = torch.rand(1, 4, 16)
    group = torch.tensor([0, 0, 1, 1])
    mask = group[:, None] != group[None]
    other = queries.clone()
    other[:, 2:] += 1.0
    first, _ = decoder(queries, boxes, memory, mask)
    second, _ = decoder(other, boxes, memory, mask)
    torch.testing.assert_close(first[-1][:, :2], second[-1][:, :2])
    free, _ = decoder(other, boxes, memory)
    assert (free[-1][:, :2] - first[-1][:, :2]).abs().max() > 1e-4


def test_logit_and_centres() -> None:
    torch.testing.assert_close(logit(torch.tensor([0.3, 0.9])).sigmoid(), torch.tensor([0.3, 0.9]))
    assert cell_centres((2, 2)).tolist() == [[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]]
