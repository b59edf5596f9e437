"""Outlines: labels follow the edges of the photo, as far as their colours say."""

import numpy as np

from photostyle.transfers.outlines import outlined


def towers(height=160, width=240):
    """A bright sky over a dark town with a spire and a hole: photo, and which pixels are town."""
    random = np.random.default_rng(0)
    town = np.zeros((height, width), bool)
    town[83:] = True  # not at a border of places
    town[60:83, 40:44] = True  # a spire
    town[66:83, 120:163] = True  # a tower
    town[86:91, 60:66] = False  # sky between leaves
    photo = np.where(town[..., None], [0.25, 0.22, 0.2], [0.6, 0.75, 0.95])
    return (photo + random.normal(0, 0.015, photo.shape)).clip(0, 1).astype(np.float32), town


def coarse(town):
    """The label that most of a place of 8 x 8 pixels has."""
    height, width = town.shape
    return (town.reshape(height // 8, 8, width // 8, 8).mean((1, 3)) > 0.5).astype(np.intp)


def test_borders_lie_on_the_edges_to_the_pixel():
    photo, town = towers()
    places = coarse(town)
    assert (np.kron(places, np.ones((8, 8))) != town).mean() > 0.01
    assert (outlined(places, photo) != town).mean() < 0.0005


def test_labels_that_are_no_colours_stay_where_they_are():
    photo = np.full((120, 160, 3), 0.5, np.float32)
    places = np.zeros((15, 20), np.intp)
    places[7:, :10] = 1
    places[7:, 10:] = 2
    labels = outlined(places, photo)
    wanted = np.kron(places, np.ones((8, 8)))
    assert set(np.unique(labels)) == {0, 1, 2}
    assert (labels != wanted).mean() < 0.03


def test_what_has_the_same_colour_far_from_a_border_keeps_its_label():
    photo = np.full((160, 160, 3), 0.3, np.float32)
    photo[:, 40:48] = 0.8  # a bright line between two halves that look alike
    places = np.zeros((20, 20), np.intp)
    places[:, 5:] = 1
    labels = outlined(places, photo)
    assert (labels[:, :24] == 0).all()
    assert (labels[:, 64:] == 1).all()


def test_a_single_label_needs_no_outlines():
    photo, _ = towers()
    assert not outlined(np.zeros((20, 30), np.intp), photo).any()
