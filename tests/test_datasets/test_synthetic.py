"""Synthetic clips: readable as AVSBench, and unsolvable without audio."""

import csv
import filecmp
import json
import runpy
import sys
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from mmavs.datasets import AVSBENCH_PALETTE, AVSBenchDataset
from mmavs.datasets.log_mel import log_mel_examples
from mmavs.datasets.metainfo import AVSBENCH_CLASSES
from mmavs.datasets.synthetic import (
    SYNTHETIC_CLASSES,
    blind_miou,
    sample_scene,
    sampling,
    write_dataset,
    write_video,
)
from mmavs.datasets.synthetic.blind import (
    FrameFacts,
    best_guess,
    mask_iou,
    sounding_prior,
)
from mmavs.datasets.synthetic.classes import FINE_CLASSES, choose_classes
from mmavs.datasets.synthetic.scene import SECOND, sound_gate
from mmavs.datasets.transforms import (
    LoadClipFrames,
    LoadClipMasks,
    LoadWaveform,
    LogMel,
)
from PIL import Image
from support.tiny_videos import make_video

#: The whole file; together its tests take several seconds.
pytestmark = pytest.mark.slow

COUNTS = dict(train=2, val=1, test=12)
SUBSETS = ('v1s', 'v1m', 'v2')
TOOL = Path(__file__).parents[2] / 'tools/dataset_converters/make_synthetic.py'


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp('synthetic') / 'data'
    return root, write_dataset(root, COUNTS, subsets=SUBSETS, size=48)


def _clips(root, split='test', **kwargs):
    kwargs = dict(task='avss', labels='semantic') | kwargs
    return list(AVSBenchDataset(data_root=str(root), split=split, **kwargs))


def _scene(seed=0, subset='v1m', **kwargs):
    kwargs = dict(num_seconds=5, size=48) | kwargs
    return sample_scene(
        np.random.default_rng(seed),
        subset=subset,
        classes=SYNTHETIC_CLASSES,
        **kwargs,
    )


def _facts(areas, sounding=None):
    areas = np.array(areas)
    if sounding is None:
        sounding = np.zeros(len(areas), dtype=bool)
    return FrameFacts(areas, np.array(sounding, dtype=bool), num_pixels=100)


class TestLayout:
    """The data set and the transforms read what was written."""

    def test_every_clip_loads(self, written):
        root, _ = written
        clips = [clip for split in COUNTS for clip in _clips(root, split)]
        assert len(clips) == 3 * sum(COUNTS.values())
        for clip in clips:
            for transform in (
                LoadClipFrames(),
                LoadClipMasks(
                    'semantic', size=(48, 48), unknown_colour='error'
                ),
                LoadWaveform(),
                LogMel(short='error'),
            ):
                clip = transform(clip)
            num_frames = 10 if clip['subset'] == 'v2' else 5
            assert clip['frames'].shape == (num_frames, 48, 48, 3)
            assert clip['log_mel'].shape == (num_frames, 1, 96, 64)

    def test_both_label_folders_agree(self, written):
        root, _ = written
        paths = sorted(root.glob('*/*/labels_semantic/*.png'))
        assert len(paths) == sum(COUNTS.values()) * (5 + 5 + 10)
        for path in paths:
            ids = np.asarray(Image.open(path))
            colours = Image.open(path.parents[1] / 'labels_rgb' / path.name)
            np.testing.assert_array_equal(AVSBENCH_PALETTE[ids], colours)

    def test_sound_is_like_the_real_files(self, written):
        root, _ = written
        lengths = {}
        for path in root.glob('*/*/audio.wav'):
            info = soundfile.info(path)
            assert info.samplerate == 16000
            lengths.setdefault(path.parts[-3], set()).add(info.frames)
        # 5.02 s in v1s and v1m, 10 s in v2.
        assert lengths == dict(v1s={80320}, v1m={80320}, v2={160000})

    def test_the_table_names_what_sounds(self, written):
        root, _ = written
        with open(root / 'metadata.csv', newline='') as file:
            rows = {row['uid']: row for row in csv.DictReader(file)}
        clips = [clip for split in COUNTS for clip in _clips(root, split)]
        for clip in clips:
            if clip['subset'] == 'v1s' and clip['split'] == 'train':
                continue
            ids = set(np.unique(_stored_ids(clip)).tolist()) - {0}
            named = rows[clip['clip_id']]['a_obj'].split('_')
            assert {AVSBENCH_CLASSES.index(name) for name in named} == ids
        assert len(rows) == len(clips)

    def test_a_whole_data_set_is_kept_or_refused(self, written):
        root, facts = written
        stamps = {path: path.stat().st_mtime_ns for path in root.rglob('*')}
        again = write_dataset(root, COUNTS, subsets=SUBSETS, size=48)
        assert again == facts == json.loads((root / 'facts.json').read_text())
        for kwargs in (dict(size=64), dict(size=48, seed=1)):
            with pytest.raises(
                FileExistsError, match=r"holds a data set already.*'size': 48"
            ):
                write_dataset(root, COUNTS, subsets=SUBSETS, **kwargs)
        assert len(stamps) > 1000
        found = {path: path.stat().st_mtime_ns for path in root.rglob('*')}
        assert found == stamps

    def test_half_a_data_set_is_written_anew(self, tmp_path):
        write_dataset(tmp_path, dict(val=1), size=32)
        (tmp_path / 'metadata.csv').unlink()
        wav = tmp_path / 'v1m/synthetic-val-00000_0/audio.wav'
        content = wav.read_bytes()
        wav.write_bytes(b'')
        write_dataset(tmp_path, dict(val=1), size=32)
        assert wav.read_bytes() == content

    def test_data_of_another_origin_is_refused(self, tmp_path):
        (tmp_path / 'metadata.csv').write_text('uid,split,label')
        with pytest.raises(FileExistsError, match=r'got None; choose another'):
            write_dataset(tmp_path, dict(val=1))

    @pytest.mark.parametrize('name', ['facts.json', 'label2idx.json'])
    def test_tables_of_another_origin_are_kept(self, tmp_path, name):
        (tmp_path / name).write_text('{"mine": 1}')
        with pytest.raises(
            FileExistsError, match=f'{name}: .* another origin'
        ):
            write_dataset(tmp_path, dict(val=1))
        assert (tmp_path / name).read_text() == '{"mine": 1}'
        assert [path.name for path in tmp_path.iterdir()] == [name]


def _stored_ids(clip):
    return np.stack(
        [
            np.asarray(Image.open(path.replace('_rgb', '_semantic')))
            for path in clip['mask_paths']
        ]
    )


class TestScene:
    """Objects and audio of a scene."""

    def test_same_seed_same_files(self, tmp_path):
        for name in ('one', 'two'):
            write_dataset(tmp_path / name, dict(val=1), size=32, seed=3)
        files = [
            path.relative_to(tmp_path / 'one')
            for path in sorted((tmp_path / 'one').rglob('*.*'))
        ]
        # 2 clips of 5 x 3 pictures and a sound, the table, ids and facts.
        assert len(files) == 2 * 16 + 3
        _, *differing = filecmp.cmpfiles(
            tmp_path / 'one', tmp_path / 'two', files, shallow=False
        )
        assert differing == [[], []]

    def test_clips_do_not_depend_on_how_many_are_written(self, tmp_path):
        write_dataset(tmp_path / 'one', dict(val=1), size=32)
        write_dataset(tmp_path / 'two', dict(train=1, val=2), size=32)
        name = 'v1m/synthetic-val-00000_0/audio.wav'
        one, two = tmp_path / 'one' / name, tmp_path / 'two' / name
        assert one.read_bytes() == two.read_bytes()
        assert one.stat().st_size > 80320

    def test_what_is_seen_does_not_depend_on_who_sounds(self):
        scene = _scene()
        switched = scene._replace(
            objects=tuple(
                item._replace(sounding=~item.sounding)
                for item in scene.objects
            )
        )
        for time in (0.0, 1.3):
            for one, other in zip(
                scene.frame(time), switched.frame(time), strict=True
            ):
                np.testing.assert_array_equal(one, other)

    def test_objects_differ_in_class_move_and_never_touch(self):
        for seed in range(20):
            scene = _scene(seed)
            names = [item.kind.name for item in scene.objects]
            assert len(set(names)) == len(names) >= 2
            areas = []
            for time in (0.0, 2.4, 4.8):
                owner = scene.frame(time)[1]
                areas.append(np.bincount(owner.ravel())[1:])
                assert len(areas[-1]) == len(names)
            # Never occluded or cut by an edge.
            assert np.ptp(areas, axis=0).max() < 0.15 * np.max(areas)
            assert not np.array_equal(scene.frame(0.0)[1], owner)

    def test_v1s_has_one_source_that_never_stops(self):
        for seed in range(20):
            scene = _scene(seed, subset='v1s')
            sounding = np.array([item.sounding for item in scene.objects])
            assert sorted(sounding.sum(1))[:-1] == [0] * (len(sounding) - 1)
            assert sounding.sum() == 5

    def test_v1m_sources_start_and_stop_and_some_seconds_are_silent(self):
        scenes = [_scene(seed) for seed in range(60)]
        sounding = [
            np.array([item.sounding for item in scene.objects])
            for scene in scenes
        ]
        numbers = np.concatenate([rows.sum(0) for rows in sounding])
        # NUM_SOUNDING: a second is silent at 0.15; 300 seconds, std 0.02.
        assert 0.08 < np.mean(numbers == 0) < 0.22
        assert {0, 1, 2} <= set(numbers.tolist())
        switches = [
            np.abs(np.diff(rows.astype(int))).sum() for rows in sounding
        ]
        assert np.mean(switches) > 2
        distractors = sum((~rows.any(1)).sum() for rows in sounding)
        assert distractors > 20

    def test_a_source_opens_15_ms_late_and_closes_in_time(self):
        """The log-mel example of a second has no audio of the next one."""
        times = np.array([0.0, 0.005, 0.9601, 0.974, 0.9801, 1.9, 1.92, 2.5])
        middle = sound_gate(np.array([False, True, False]), times)
        # Opens from 0.96 + 0.015 to 0.98; closes at 1.92.
        np.testing.assert_allclose(middle, [0, 0, 0, 0, 1, 1, 0, 0])
        # The first second starts with the clip; the last one goes on.
        outer = sound_gate(np.array([True, False, True]), times)
        np.testing.assert_allclose(outer, [0, 1, 0, 0, 0, 0, 0, 1])

    def test_every_class_is_heard_in_each_of_its_seconds_only(self):
        """Its log-mel example is far louder than that of any silence."""
        sounding = np.array([True, False, True, True, False])
        for kind in SYNTHETIC_CLASSES:
            scene = _scene()
            item = scene.objects[0]._replace(kind=kind, sounding=sounding)
            scene = scene._replace(objects=(item,))
            samples = scene.sound(np.random.default_rng(1), 5.02)
            assert np.abs(samples).max() <= 0.31
            loudest = log_mel_examples(samples)[:5].max(axis=(1, 2, 3))
            assert loudest[sounding].min() > loudest[~sounding].max() + 2

    def test_classes_differ_in_look_or_timbre(self):
        families = {}
        for kind in SYNTHETIC_CLASSES:
            families.setdefault(kind.timbre, []).append(kind)
        assert [len(f) for f in families.values()] == [2] * 6 + [1] * 2
        for family in families.values():
            assert len({kind.hue for kind in family}) == 1
            for column in ('name', 'outline', 'texture'):
                values = {getattr(kind, column) for kind in family}
                assert len(values) == len(family)
        hues = sorted(kind.hue for kind, *_ in families.values())
        # Objects vary by 8 degrees to each side of their class's hue.
        assert min(np.diff([*hues, hues[0] + 360])) > 16

    def test_objects_of_a_scene_differ_in_timbre(self):
        """Otherwise the audio would not tell which object sounds."""
        names = set()
        for seed in range(60):
            objects = _scene(seed).objects
            assert len({item.kind.timbre for item in objects}) == len(objects)
            names.update(item.kind.name for item in objects)
        assert names == {kind.name for kind in SYNTHETIC_CLASSES}


class TestBlindBound:
    """The score of a prediction that does not use the audio."""

    def test_frame_score_by_hand(self):
        """Areas 30, 10, 10 of 100 pixels."""
        facts = _facts([30, 10, 10])
        one, two, none = [1, 0, 0], [1, 1, 0], [0, 0, 0]
        for marked, truth, expected in (
            (one, two, 30 / 40),
            (two, one, 30 / 40),
            ([0, 0, 1], one, 0.0),
            (none, one, 0.0),
            (two, none, 1 - 40 / 100),
            (none, none, 1.0),
        ):
            score = mask_iou(
                np.array(marked, bool), np.array(truth, bool), facts
            )
            assert score == pytest.approx(expected)

    def test_prior_by_hand(self):
        assert sounding_prior('v1s', 3) == {1: 1.0}
        # 2 objects: 1 source at 0.4, 2 at 0.6. None 0.15 either way,
        # one 0.4 * 0.85 + 0.6 * 0.62 = 0.712, both 0.6 * 0.23 = 0.138.
        assert sounding_prior('v1m', 2) == pytest.approx(
            {0: 0.15, 1: 0.712, 2: 0.138}
        )
        # 3 objects: 2 sources at 0.6, 3 at 0.4. Two 0.6 * 0.23 + 0.4 * 0.2,
        # three 0.4 * 0.03.
        assert sounding_prior('v1m', 3) == pytest.approx(
            {0: 0.15, 1: 0.62, 2: 0.218, 3: 0.012}
        )

    def test_prior_is_what_scenes_do(self):
        numbers = {2: [], 3: []}
        for seed in range(100):
            scene = _scene(seed, size=32)
            rows = np.array([item.sounding for item in scene.objects])
            numbers[len(rows)].extend(rows.sum(0).tolist())
        for num_objects, found in numbers.items():
            for number, probability in sounding_prior(
                'v1m', num_objects
            ).items():
                # About 125 seconds of 2 objects: std below 0.045.
                share = np.mean(np.array(found) == number)
                assert abs(share - probability) < 0.12

    def test_best_guess_by_hand(self):
        """Two objects of 10; silence and one source at 1/2 each."""
        facts, prior = _facts([10, 10]), {0: 0.5, 1: 0.5}
        # none: 1/2; both: (0.8 + 0.5) / 2 = 0.65;
        # one: 0.9 / 2 + (1 + 0) / 4 = 0.70.
        marked, expected = best_guess(facts, prior)
        assert marked.sum() == 1
        assert expected == pytest.approx(0.7)
        # Always one source: both 1/2, one 1/2, none 0; never both silent.
        marked, expected = best_guess(facts, {1: 1.0})
        assert marked.any()
        assert expected == pytest.approx(0.5)
        marked, expected = best_guess(facts, {0: 1.0})
        assert not marked.any()
        assert expected == 1

    def test_strategies_by_hand(self):
        """Two frames of areas 20, 10: the larger sounds, then nothing."""
        frames = [_facts([20, 10], [1, 0]), _facts([20, 10], [0, 0])]
        scores = blind_miou(frames, 'v1m')
        # mark_all: 20 / 30 and 0.7; mark_largest: 1 and 0.8.
        assert scores['mark_none'] == pytest.approx(0.5)
        assert scores['mark_all'] == pytest.approx((2 / 3 + 0.7) / 2)
        assert scores['mark_largest'] == pytest.approx(0.9)
        # One of two sounds at 0.712, both at 0.138. All: 0.15 * 0.7 +
        # 0.712 * 0.5 + 0.138 = 0.599; largest: 0.15 * 0.8 + 0.712 * 0.5 +
        # 0.138 * 2 / 3 = 0.568. So all are marked.
        assert scores['best_marking'] == scores['mark_all']
        assert scores['expected'] == pytest.approx(0.599)

    def test_nobody_can_expect_60_percent_without_sound(self, written):
        _, facts = written
        strategies = facts['sound_blind_strategies']
        for subset in SUBSETS:
            for split in COUNTS:
                scores = strategies[subset][split]
                assert set(scores) == {
                    'expected',
                    'best_marking',
                    'mark_none',
                    'mark_all',
                    'mark_largest',
                }
                limit = 0.5 if subset == 'v1s' else 0.6
                assert scores['expected'] <= limit
                best = facts['sound_blind_miou'][subset][split]
                assert best == max(scores.values()) >= scores['expected']

    def test_the_sound_of_another_clip_misleads(self, written):
        """Exact masks of the classes that sound in the next clip score low."""
        root, _ = written
        clips = _clips(root, task='ms3')
        truths = np.stack([_stored_ids(clip) for clip in clips])
        scores = []
        for truth, other in zip(truths, np.roll(truths, 1, 0), strict=True):
            for frame, heard in zip(truth, other, strict=True):
                kept = np.isin(frame, np.unique(heard)) & (frame > 0)
                sounding = frame > 0
                if sounding.any():
                    scores.append(kept.sum() / sounding.sum())
                else:
                    scores.append(1.0)
        assert len(scores) == 12 * 5
        # An upper bound: wrongly marked distractors cost nothing.
        assert np.mean(scores) < 0.65


class TestArguments:
    """Errors are raised before anything is written."""

    @pytest.mark.parametrize(
        ('kwargs', 'message'),
        [
            (dict(num_classes=2), r'must be 3 to 14, got 2'),
            (dict(num_classes=15), r'must be 3 to 14, got 15'),
            (
                dict(num_classes=65, fine_grained=True),
                r'must be 3 to 64, got 65',
            ),
            (dict(long_tail=-1), 'at least 0, got -1'),
            (dict(correspondence='hue'), "'brightness'.*got 'hue'"),
            (dict(subsets=['v3']), r"subsets must be some of .*\['v3'\]"),
            (dict(num_clips=dict(dev=1)), r"splits must be some .*\['dev'\]"),
            (
                dict(num_clips=dict(val=0)),
                r"not be negative, nor all 0, got {'val': 0}",
            ),
            (dict(size=16), r'size must be at least 32, got 16'),
        ],
    )
    def test_named(self, tmp_path, kwargs, message):
        kwargs = dict(num_clips=dict(val=1)) | kwargs
        with pytest.raises(ValueError, match=message):
            write_dataset(tmp_path / 'data', **kwargs)
        assert not (tmp_path / 'data').exists()


class TestVideo:
    """A scene as a video file."""

    def test_holds_frames_and_sound(self, tmp_path):
        path = tmp_path / 'scene.mp4'
        scene = write_video(path, duration=2.0, frame_rate=4, size=64)
        with av.open(str(path)) as container:
            pictures = [
                frame.to_ndarray(format='rgb24')
                for frame in container.decode(video=0)
            ]
        with av.open(str(path)) as container:
            sound = np.concatenate(
                [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
            )
            assert container.streams.audio[0].rate == 16000
        assert len(pictures) == 8
        for index, picture in enumerate(pictures):
            expected, _ = scene.frame(index / 4)
            error = np.abs(picture.astype(int) - expected).mean()
            assert error < 12
        # AAC pads to whole frames of 1024 samples.
        assert 2.0 <= len(sound) / 16000 < 2.3
        rms = np.sqrt(np.mean(sound[: int(SECOND * 16000)] ** 2))
        loud = any(item.sounding[0] for item in scene.objects)
        assert (rms > 0.01) == loud

    def test_only_a_video_of_its_own_is_replaced(self, tmp_path):
        path = tmp_path / 'scene.mp4'
        options = dict(duration=1.0, frame_rate=4, size=64)
        for content in (b'', b'notes', make_video(path).read_bytes()):
            path.write_bytes(content)
            with pytest.raises(FileExistsError, match='of another origin'):
                write_video(path, **options)
            assert path.read_bytes() == content
        path.unlink()
        for _ in range(2):
            write_video(path, **options)
        assert [p.name for p in tmp_path.iterdir()] == ['scene.mp4']

    @pytest.mark.parametrize(
        'kwargs', [dict(size=63), dict(duration=0.0), dict(frame_rate=0)]
    )
    def test_odd_size_or_no_frame(self, tmp_path, kwargs):
        with pytest.raises(ValueError, match=r'even size and at least one'):
            write_video(tmp_path / 'scene.mp4', **kwargs)


class TestTool:
    """The command line, with every flag."""

    @pytest.fixture(autouse=True)
    def _command(self, monkeypatch):
        def _run(*args):
            monkeypatch.setattr(sys, 'argv', [TOOL.name, *args])
            runpy.run_path(str(TOOL), run_name='__main__')

        self.run = _run

    def test_writes_and_prints_the_bounds(self, tmp_path, capsys):
        root, video = tmp_path / 'data', tmp_path / 'scene.mp4'
        self.run(
            *f'--root {root} --train 1 --val 1 --test 2 --subsets v1m'.split(),
            *f'--size 32 --classes 3 --seed 5 --video {video}'.split(),
        )
        printed = capsys.readouterr().out
        for split in ('train', 'val', 'test'):
            assert f'v1m {split}: best sound-blind mIoU 0.' in printed
        assert video.stat().st_size > 0
        clips = _clips(root, task='ms3')
        assert len(clips) == 2
        allowed = {0} | {kind.class_id for kind in SYNTHETIC_CLASSES[:3]}
        for clip in clips:
            assert set(np.unique(_stored_ids(clip)).tolist()) <= allowed
            assert Image.open(clip['frame_paths'][0]).size == (32, 32)

    def test_needs_something_to_write(self, capsys):
        with pytest.raises(SystemExit, match='2'):
            self.run()
        assert 'give --root, --video or both' in capsys.readouterr().err

    def test_faults_end_it_with_their_text(self):
        with pytest.raises(SystemExit, match=r'must be 3 to 14, got 1'):
            self.run('--root', 'unused', '--classes', '1')


class TestFineClasses:
    def test_members_of_a_family_differ_in_looks_alone(self):
        """Eight families of eight classes with the same timbre and hue."""
        assert len(FINE_CLASSES) == len({c.name for c in FINE_CLASSES}) == 64
        families = {}
        for kind in FINE_CLASSES:
            key = (kind.timbre, kind.hue)
            families.setdefault(key, set()).add((kind.outline, kind.texture))
        assert [len(looks) for looks in families.values()] == [8] * 8
        assert len({timbre for timbre, _ in families}) == 8
        assert {kind.class_id for kind in FINE_CLASSES} == set(range(1, 65))

    def test_members_get_rarer_in_a_long_tail(self, monkeypatch):
        """Weights 1, 1/2 and 1/3 of three classes: 6, 3 and 2 of 11."""
        # Finding places for the objects would take most of the time.
        monkeypatch.setattr(sampling, '_apart', lambda *_: True)
        kinds = choose_classes(24, fine_grained=True)
        rng = np.random.default_rng(0)
        counts = np.zeros(3)
        for _ in range(400):
            scene = sample_scene(
                rng,
                subset='v1m',
                num_seconds=1,
                size=32,
                classes=kinds,
                long_tail=1.0,
            )
            for item in scene.objects:
                counts[kinds.index(item.kind) // 8] += 1
        # about 1100 objects
        np.testing.assert_allclose(
            counts / counts.sum(), np.array([6, 3, 2]) / 11, atol=0.05
        )


class TestCorrespondence:
    def _pair(self):
        """The same scene without and with levels."""
        plain, tied = (
            sample_scene(
                np.random.default_rng(4),
                subset='v1s',
                num_seconds=5,
                size=48,
                classes=SYNTHETIC_CLASSES,
                correspondence=correspondence,
            )
            for correspondence in ('none', 'brightness')
        )
        return plain, tied

    def test_brightness_and_loudness_follow_the_same_levels(self):
        plain, tied = self._pair()
        loud = [item for item in tied.objects if item.sounding.any()]
        levels = np.array([0.0, 1.0, 0.5, 1.0, 0.0])
        (source,) = loud
        # Colours at level 0, 1/2 and 1; pixels are the same.
        source = source._replace(levels=levels)
        for second, share in enumerate([0.45, 1, 0.45**0.5, 1, 0.45]):
            colour = source.colour_at((second + 0.5) * SECOND)
            np.testing.assert_allclose(colour, share * source.colour)
        time = (np.arange(5) + 0.5) * SECOND
        expected = [1 / 8, 1, (1 / 8) ** 0.5, 1, 1 / 8]
        np.testing.assert_allclose(source.gain(time), expected)
        # 15 ms late, as the sources start.
        edge = np.array([SECOND + 0.014, SECOND + 0.016])
        np.testing.assert_allclose(source.gain(edge), [1 / 8, 1])
        sound = tied._replace(objects=(source,)).sound(
            np.random.default_rng(0), 5 * SECOND
        )
        rms = [
            np.sqrt(np.mean(part[2000:] ** 2))
            for part in np.array_split(sound, 5)
        ]
        assert rms[1] > 4 * rms[0]
        assert rms[3] > 4 * rms[4]
        assert plain.objects[0].levels is None

    def test_the_picture_does_not_show_what_sounds(self):
        """Levels of silent objects change, too; shapes stay."""
        plain, tied = self._pair()
        for before, after in zip(plain.objects, tied.objects, strict=True):
            assert len(set(after.levels)) == 5
            assert after.kind == before.kind
        for time in (0.5, 3.0):
            frame, owner = tied.frame(time)
            assert np.array_equal(owner, plain.frame(time)[1])
            assert not np.array_equal(frame, plain.frame(time)[0])

    def test_options_are_named_only_if_they_are_used(self, tmp_path):
        """A data set of an earlier version is kept."""
        counts = dict(val=1)
        facts = write_dataset(tmp_path / 'a', counts, size=32)
        names = {'fine_grained', 'long_tail', 'correspondence'}
        assert not names & set(facts['arguments'])
        facts = write_dataset(
            tmp_path / 'b',
            counts,
            num_classes=40,
            size=32,
            fine_grained=True,
            long_tail=1.0,
            correspondence='brightness',
        )
        assert names <= set(facts['arguments'])
