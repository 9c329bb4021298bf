"""tools/model_converters: the command lines of the converters."""

import hashlib
import runpy
import sys
from pathlib import Path

import mmavs  # noqa: F401
import pytest
import torch
from mmavs.models import DinoViT
from mmseg.registry import MODELS
from support.aavs_parity import STAGE_ONE, STAGE_TWO
from support.aavs_seeded import HF_KEYS, load_keys
from support.avsegformer_parity import Variant
from support.tpavi_seeded import published_keys
from transformers import DINOv3ViTConfig, DINOv3ViTModel

#: The whole file; together its tests take several seconds.
pytestmark = pytest.mark.slow

EASE_KEYS = HF_KEYS.parents[1] / 'ease' / 'vit-b_avss_keys.json'
SCRIPTS = Path(__file__).parents[2] / 'tools' / 'model_converters'


def write_weights(path, shapes):
    """Write a file of full shapes; one number is stored for each tensor."""
    weights = {
        name: torch.tensor(float(number)).expand(shape)
        for number, (name, shape) in enumerate(shapes.items())
    }
    torch.save(weights, path)
    return weights


@pytest.fixture(scope='module')
def vggish_shapes():
    model = MODELS.build(dict(type='VGGish', final_relu=False))
    return {name: t.shape for name, t in model.state_dict().items()}


@pytest.fixture
def vggish(vggish_shapes, tmp_path):
    """The public file of VGGish."""
    path = tmp_path / 'vggish-10086976.pth'
    write_weights(path, vggish_shapes)
    return path


@pytest.fixture
def convert(monkeypatch):
    """Run a script as from the command line."""

    def run(name, *args):
        script = SCRIPTS / f'{name}.py'
        monkeypatch.setattr(sys, 'argv', [str(script), *map(str, args)])
        runpy.run_path(str(script), run_name='__main__')

    return run


class TestVGGish:
    def test_every_tensor_is_written(self, convert, vggish, tmp_path, capsys):
        dst = tmp_path / 'ours.pth'
        convert('vggish', vggish, dst)
        printed = capsys.readouterr().out
        counts = '18 tensors became 18 (0 renamed or joined), 0 dropped'
        assert counts in printed
        assert str(dst) in printed
        written = torch.load(dst, weights_only=True)
        assert written['meta'] == {
            'source': 'vggish-10086976.pth',
            'source_sha256': hashlib.sha256(vggish.read_bytes()).hexdigest(),
            'converter': 'tools/model_converters/vggish.py',
        }

    def test_other_names_are_refused(self, convert, vggish_shapes, tmp_path):
        src, dst = tmp_path / 'a.pth', tmp_path / 'ours.pth'
        shapes = dict(vggish_shapes)
        shapes['pproc.pca_means'] = shapes.pop('embeddings.4.bias')
        write_weights(src, shapes)
        with pytest.raises(SystemExit) as caught:
            convert('vggish', src, dst)
        message = str(caught.value)
        assert 'missing in the source: embeddings.4.bias' in message
        assert 'unknown in the source: pproc.pca_means' in message
        assert not dst.exists()

    def test_other_shapes_are_refused(self, convert, vggish_shapes, tmp_path):
        src, dst = tmp_path / 'a.pth', tmp_path / 'ours.pth'
        write_weights(src, {**vggish_shapes, 'embeddings.4.bias': (64,)})
        text = r'1 wrong shape: embeddings.4.bias is \(64,\), .* \(128,\)'
        with pytest.raises(SystemExit, match=text):
            convert('vggish', src, dst)
        assert not dst.exists()

    def test_missing_file(self, convert, tmp_path):
        with pytest.raises(SystemExit, match='There is no checkpoint at'):
            convert('vggish', tmp_path / 'a.pth', tmp_path / 'b.pth')

    def test_init_cfg_loads_the_converted_file(
        self, convert, vggish, tmp_path
    ):
        dst = tmp_path / 'ours.pth'
        convert('vggish', vggish, dst)
        init_cfg = dict(type='Pretrained', checkpoint=str(dst))
        model = MODELS.build(
            dict(type='VGGish', final_relu=False, init_cfg=init_cfg)
        )
        model.init_weights()
        for number, tensor in enumerate(model.state_dict().values()):
            assert (tensor == number).all()
        assert not any(p.requires_grad for p in model.parameters())


class TestBackbones:
    def shapes(self, backbone):
        """Names and shapes of the ImageNet file."""
        shapes = {
            name.removeprefix('backbone.').replace('_1.', '.')
            if 'layer' in name
            else name.removeprefix('backbone.'): shape
            for name, shape in Variant(backbone, 's4').keys().items()
            if name.startswith('backbone.') and '_2.' not in name
        }
        if backbone == 'r50':
            # The file of 2017 predates the counters.
            shapes = {k: s for k, s in shapes.items() if 'tracked' not in k}
            return shapes | {'fc.weight': (1000, 2048), 'fc.bias': (1000,)}
        return shapes | {'head.weight': (1000, 512), 'head.bias': (1000,)}

    @pytest.mark.parametrize(
        ('backbone', 'script', 'cfg', 'num_tensors', 'names'),
        [
            (
                'r50',
                'resnet50',
                dict(type='ResNet', depth=50, norm_cfg=dict(type='BN')),
                267,
                ('layer3.5.bn2.running_var',) * 2,
            ),
            (
                'pvtv2-b5',
                'pvt_v2',
                dict(type='PVTv2'),
                1054,
                (
                    'block2.1.mlp.fc2.weight',
                    'layers.1.1.1.ffn.layers.4.weight',
                ),
            ),
        ],
    )
    def test_init_cfg_loads_the_converted_file(
        self, backbone, script, cfg, num_tensors, names, convert, tmp_path
    ):
        src, dst = tmp_path / 'src.pth', tmp_path / 'dst.pth'
        source = write_weights(src, self.shapes(backbone))
        assert len(source) == num_tensors
        convert(script, src, dst)
        init_cfg = dict(type='Pretrained', checkpoint=str(dst))
        model = MODELS.build(dict(cfg, init_cfg=init_cfg))
        model.init_weights()
        state_dict = model.state_dict()
        expected = source[names[0]].flatten()[0]
        assert (state_dict[names[1]] == expected).all()
        converted = torch.load(dst, weights_only=True)['state_dict']
        assert set(converted) == {k for k in state_dict if 'tracked' not in k}

    def test_the_classifier_is_dropped(self, convert, tmp_path, capsys):
        src = tmp_path / 'src.pth'
        write_weights(src, self.shapes('r50'))
        convert('resnet50', src, tmp_path / 'dst.pth')
        assert '2 dropped, 0 problems' in capsys.readouterr().out


class TestMask2Former:
    @pytest.fixture
    def source(self, tmp_path):
        path = tmp_path / 'pytorch_model.bin'
        write_weights(path, load_keys(HF_KEYS))
        return path

    def test_what_is_skipped_is_printed(
        self, convert, source, tmp_path, capsys
    ):
        """753 = 782 - 29 dropped; 33 attentions join 6 to 2: 753 - 132."""
        dst = tmp_path / 'init.pth'
        convert('hf_mask2former', source, dst)
        printed = capsys.readouterr().out
        assert '753 tensors became 621' in printed
        assert 'queries_features.weight: AAVS has 30 queries' in printed
        content = torch.load(dst, weights_only=True)
        assert len(content['state_dict']) == 621
        release = 'facebook/mask2former-swin-base-ade-semantic'
        assert content['meta']['source'] == release

    def test_queries_are_kept_for_stage_two(
        self, convert, source, tmp_path, capsys
    ):
        """Two embeddings more: 755 become 623."""
        dst = tmp_path / 'init.pth'
        convert('hf_mask2former', source, dst, '--keep-queries')
        printed = capsys.readouterr().out
        assert '755 tensors became 623' in printed
        assert 'skipped model.transformer_module.queries' not in printed
        names = torch.load(dst, weights_only=True)['state_dict'].keys()
        assert {
            'decode_head.query_embed.weight',
            'decode_head.query_feat.weight',
        } <= names


@pytest.mark.parametrize(
    'stage', [STAGE_ONE, STAGE_TWO], ids=['stage1', 'stage2']
)
def test_aavs(stage, convert, vggish, tmp_path, capsys):
    """1038 in: 1 dropped, 1037 become 905, for 24 + 9 times q, k, v join.

    Joined are weight and bias of 33 attentions, 6 tensors to 2:
    1037 - 33 * 4 = 905. Stage two has three more, before and after.
    """
    more = 3 * (stage.number - 1)
    src, dst = tmp_path / 'published.pth', tmp_path / 'ours.pth'
    write_weights(src, load_keys(stage.keys))
    convert('aavs', src, dst, '--vggish', vggish, '--stage', stage.number)
    printed = capsys.readouterr().out
    assert f'{1037 + more} tensors became {905 + more}' in printed
    assert 'skipped model.criterion.empty_weight: ' in printed
    assert 'VGGish: 18 tensors became 18' in printed
    content = torch.load(dst, weights_only=True)
    release = f'GeWu-Lab/Stepping-Stones, stage {stage.number}'
    assert content['meta']['source'] == release
    assert len(content['state_dict']) == 905 + more + 18
    bias = content['state_dict']['audio_backbone.embeddings.4.bias']
    assert bias.tolist() == [17.0] * 128


def test_tpavi(convert, vggish, tmp_path, capsys):
    """626 in, 178 dropped; VGGish adds 18 to the 448."""
    src, dst = tmp_path / 'published.pth', tmp_path / 'ours.pth'
    write_weights(src, published_keys('r50', 'avss'))
    convert('tpavi', src, dst, '--vggish', vggish, '--backbone', 'r50')
    printed = capsys.readouterr().out
    assert '448 tensors became 448' in printed
    assert '178 dropped, 0 problems' in printed
    assert 'skipped path4.resConfUnit1.*: ' in printed
    content = torch.load(dst, weights_only=True)
    assert content['meta']['source'] == 'OpenNLPLab/AVSBench, avss, r50'
    assert len(content['state_dict']) == 448 + 18
    bias = content['state_dict']['audio_backbone.embeddings.4.bias']
    assert bias.tolist() == [17.0] * 128
    # A 1x1x1 convolution has become a linear layer.
    theta = content['state_dict']['decode_head.tpavi.0.theta.weight']
    assert theta.shape == (128, 256)


class TestAVSegFormer:
    OPTIONS = ('--backbone', 'r50', '--task', 's4')

    def test_writes_a_checkpoint(self, convert, tmp_path, capsys):
        src, dst = tmp_path / 'S4_res50.pth', tmp_path / 'ours.pth'
        write_weights(src, Variant('r50', 's4').keys())
        convert('avsegformer', src, dst, *self.OPTIONS)
        assert '668 tensors became 668' in capsys.readouterr().out
        content = torch.load(dst, weights_only=True)
        release = 'vvvb-github/AVSegFormer, r50, s4'
        assert content['meta']['source'] == release
        assert len(content['state_dict']) == 668

    def test_another_file_is_refused(self, convert, tmp_path):
        src, dst = tmp_path / 'a.pth', tmp_path / 'b.pth'
        torch.save({'a': torch.zeros(1)}, src)
        with pytest.raises(SystemExit) as caught:
            convert('avsegformer', src, dst, *self.OPTIONS)
        message = str(caught.value)
        assert 'The file looks like no model known to mmavs' in message
        assert 'missing in the source: backbone.conv1.weight' in message
        assert not dst.exists()

    def test_another_task_is_refused(self, convert, tmp_path):
        src, dst = tmp_path / 'a.pth', tmp_path / 'b.pth'
        write_weights(src, Variant('r50', 'avss').keys())
        with pytest.raises(SystemExit, match='makes 71 logits per pixel'):
            convert('avsegformer', src, dst, *self.OPTIONS)
        assert not dst.exists()


class TestWrongShapes:
    """Every converter refuses correct names with one wrong shape."""

    def shapes(self, script, wrong):
        shapes = {
            'aavs': lambda: load_keys(STAGE_ONE.keys),
            'avsegformer': lambda: Variant('pvtv2-b5', 's4').keys(),
            'hf_mask2former': lambda: load_keys(HF_KEYS),
            'pvt_v2': lambda: TestBackbones().shapes('pvtv2-b5'),
            'resnet50': lambda: TestBackbones().shapes('r50'),
            'tpavi': lambda: published_keys('pvtv2-b5', 's4'),
        }[script]()
        first, *rest = shapes[wrong]
        return {**shapes, wrong: (first + 1, *rest)}

    @pytest.mark.parametrize(
        ('script', 'wrong', 'model', 'options'),
        [
            ('aavs', 'audio_proj.2.bias', 'Stepping Stones, stage one', ()),
            (
                'avsegformer',
                'audio_proj.bias',
                'AVSegFormer with PVTv2',
                ('--backbone', 'pvtv2-b5', '--task', 's4'),
            ),
            (
                'hf_mask2former',
                'model.pixel_level_module.decoder.mask_projection.bias',
                "Hugging Face's Mask2Former with a Swin with 2, 2, 18, 2",
                (),
            ),
            ('pvt_v2', 'norm4.bias', 'PVTv2 with 3, 6, 40, 3 blocks', ()),
            ('resnet50', 'bn1.bias', 'ResNet with 3, 4, 6, 3 blocks', ()),
            (
                'tpavi',
                'output_conv.0.bias',
                "AVSBench's TPAVI with PVTv2",
                ('--backbone', 'pvtv2-b5', '--task', 's4'),
            ),
        ],
    )
    def test_are_refused(
        self, script, wrong, model, options, convert, vggish, tmp_path
    ):
        src, dst = tmp_path / 'src.pth', tmp_path / 'dst.pth'
        write_weights(src, self.shapes(script, wrong))
        if script in ('aavs', 'tpavi'):
            options = (*options, '--vggish', vggish)
        with pytest.raises(SystemExit) as caught:
            convert(script, src, dst, *options)
        message = str(caught.value)
        assert 'got 1 problems: 1 wrong shape: ' in message
        assert f'The file looks like {model}' in message.replace(
            'AAVS of ', ''
        ).replace("torchvision's ", '')
        assert not dst.exists()


class TestUsersFiles:
    """No converter replaces a file without --force."""

    @pytest.mark.parametrize('kind', ['path', 'relative', 'symlink', 'link'])
    def test_the_source_is_never_replaced(
        self, kind, convert, vggish, tmp_path, monkeypatch
    ):
        monkeypatch.chdir(tmp_path)
        content = vggish.read_bytes()
        dst = {
            'path': vggish,
            'relative': Path(vggish.name),
            'symlink': tmp_path / 'link.pth',
            'link': tmp_path / 'link.pth',
        }[kind]
        if kind == 'symlink':
            dst.symlink_to(vggish)
        if kind == 'link':
            dst.hardlink_to(vggish)
        for options in ((), ('--force',)):
            with pytest.raises(SystemExit, match='got the same file'):
                convert('vggish', vggish, dst, *options)
        assert vggish.read_bytes() == content
        assert dst.is_symlink() == (kind == 'symlink')

    def test_vggish_is_never_replaced(self, convert, vggish, tmp_path):
        content, src = vggish.read_bytes(), tmp_path / 'src.pth'
        write_weights(src, load_keys(STAGE_ONE.keys))
        with pytest.raises(SystemExit, match='got the same file'):
            convert('aavs', src, vggish, '--vggish', vggish, '--force')
        assert vggish.read_bytes() == content

    def test_an_existing_file_is_kept_without_force(
        self, convert, vggish, tmp_path
    ):
        dst = tmp_path / 'dst.pth'
        dst.write_text('mine')
        with pytest.raises(SystemExit, match='replace the file with --force'):
            convert('vggish', vggish, dst)
        assert dst.read_text() == 'mine'
        convert('vggish', vggish, dst, '--force')
        assert 'state_dict' in torch.load(dst, weights_only=True)

    def test_a_folder_is_refused(self, convert, vggish, tmp_path):
        with pytest.raises(SystemExit, match='got a folder'):
            convert('vggish', vggish, tmp_path, '--force')


class TestDino:
    def test_small_file_of_transformers(self, convert, tmp_path, capsys):
        """ViT-S, for a backbone, and cut for EASE."""
        theirs = DINOv3ViTModel(
            DINOv3ViTConfig(
                hidden_size=384,
                num_hidden_layers=12,
                num_attention_heads=6,
                intermediate_size=1536,
                num_register_tokens=4,
            )
        )
        source = tmp_path / 'dinov3.pth'
        torch.save(theirs.state_dict(), source)
        dst = tmp_path / 'backbone.pth'
        convert('dino', source, dst, '--arch', 'small')
        weights = torch.load(dst, weights_only=True)['state_dict']
        DinoViT('small').load_state_dict(weights, strict=True)
        cut = tmp_path / 'ease.pth'
        convert('dino', source, cut, '--arch', 'small', '--joint-blocks', 4)
        names = set(torch.load(cut, weights_only=True)['state_dict'])
        assert 'decode_head.blocks.3.attn.qkv.weight' in names
        assert 'backbone.blocks.7.attn.qkv.weight' in names
        assert 'layout: hf-dinov3' in capsys.readouterr().out

    def test_another_size_is_refused(self, convert, tmp_path):
        source = tmp_path / 'dinov3.pth'
        weights = DinoViT('small').state_dict()
        renamed = {
            name.replace('patch_embed.', 'patch_embed.proj.')
            .replace('register_tokens', 'reg_token')
            .replace('ls1.gamma', 'gamma_1')
            .replace('ls2.gamma', 'gamma_2'): tensor
            for name, tensor in weights.items()
        }
        torch.save(renamed, source)
        with pytest.raises(SystemExit, match='the model expects'):
            convert('dino', source, tmp_path / 'x.pth', '--arch', 'base')


class TestEASE:
    def test_complete_model(self, convert, vggish, tmp_path):
        source = tmp_path / 'ease-vit-b-224-ss.pt'
        shapes = dict(load_keys(EASE_KEYS))
        shapes['criterion.empty_weight'] = (72,)
        write_weights(source, shapes)
        dst = tmp_path / 'ours.pth'
        options = ('--vggish', vggish, '--arch', 'base', '--task', 'avss')
        convert('ease', source, dst, *options)
        names = torch.load(dst, weights_only=True)['state_dict']
        assert 'audio_backbone.features.0.weight' in names
        assert 'decode_head.fusers.0.centres' in names
