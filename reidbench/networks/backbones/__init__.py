"""Pretrained backbones of timm: weights come from the local cache, then from the hub, else there is a clear error.

timm's option ``pretrained=True`` waits long on a machine without network and then fails. Here the cache is
searched first. One short connection test per process decides whether the hub is used at all. The source of the
weights and the digest of the file become part of the run record.
"""

from reidbench.networks.backbones.batch_norm import has_folded_batch_norm as has_folded_batch_norm
from reidbench.networks.backbones.load import Backbone as Backbone
from reidbench.networks.backbones.load import load_backbone as load_backbone
from reidbench.networks.backbones.load import load_frozen_backbone as load_frozen_backbone
from reidbench.networks.backbones.settings import BackboneSettings as BackboneSettings
