"""Pretrained backbones from timm, looked for without surprises: local cache, then the hub, then a clear answer.

timm's own ``pretrained=True`` waits long on a machine without network and then fails. Here the cache is
read first, one short probe per process decides whether the hub is asked at all, and the answer, with the
digest of the file, becomes part of the run's record.
"""

from reidbench.networks.backbones.batch_norm import has_folded_batch_norm as has_folded_batch_norm
from reidbench.networks.backbones.load import Backbone as Backbone
from reidbench.networks.backbones.load import load_backbone as load_backbone
from reidbench.networks.backbones.load import load_frozen_backbone as load_frozen_backbone
from reidbench.networks.backbones.settings import BackboneSettings as BackboneSettings
