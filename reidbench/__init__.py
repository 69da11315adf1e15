"""reidbench: open-set re-identification of individual animals, compared under one protocol.

The names below are the public interface; plugins import nothing else. They load on first use, so that
``import reidbench`` costs milliseconds and needs no torch.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

import pluggy

from reidbench.version import __version__

# Spinning OpenMP threads on busy cores made a training step 27 times slower; read when torch loads.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

hookimpl = pluggy.HookimplMarker("reidbench")

_HOMES = {
    "Adjustment": "thresholds.base",
    "Answers": "metrics.answers",
    "Backbone": "networks.backbones",
    "BackboneSettings": "networks.backbones",
    "Batches": "methods.batches",
    "Calibration": "methods.calibration",
    "CalibrationSpec": "calibration.specs",
    "Choice": "thresholds.scoped",
    "ClassifierMethod": "methods.classifier",
    "ClassifierNetwork": "networks.training.network",
    "ClassifierTrainer": "networks.training.classifier",
    "ClassifierTrainingSettings": "networks.training.settings",
    "Combination": "methods.fusion",
    "CommandSpec": "registry.commands",
    "CropSettings": "methods.contract",
    "DatasetSpec": "data.sources.named",
    "EmbeddingMethod": "methods.contract",
    "EmbeddingNetwork": "networks.training.network",
    "EpisodeMetrics": "metrics.summary",
    "FitContext": "methods.contract",
    "FitReport": "methods.contract",
    "Fusion": "methods.fusion",
    "GalleryTrials": "matching.gallery_trials",
    "IdentityCombination": "methods.fusion",
    "ImageSet": "data.images",
    "Images": "methods.contract",
    "LabelledImages": "methods.contract",
    "LightGlueMethod": "networks.lightglue",
    "LightGlueSettings": "methods.lightglue_settings",
    "LocalFeatureMethod": "methods.local_features",
    "MaskSettings": "methods.contract",
    "Matches": "methods.local_matching",
    "Method": "methods.contract",
    "MethodSpec": "methods.contract",
    "NEW_IDENTITY": "constants",
    "PairMethod": "methods.contract",
    "PartSpec": "methods.contract",
    "PolicySpec": "thresholds.base",
    "Progress": "progress",
    "Ragged": "methods.representation",
    "RefineSettings": "methods.refinement",
    "ReidbenchError": "errors",
    "Representation": "methods.representation",
    "Resolved": "methods.contract",
    "ResizedImages": "networks.training.augment",
    "RunRecord": "records.run_record",
    "ScopedPolicy": "thresholds.scoped",
    "SectionPicture": "registry.sections",
    "SectionSpec": "registry.sections",
    "SectionTable": "registry.sections",
    "Settings": "methods.contract",
    "Thresholds": "thresholds.base",
    "TrainingSettings": "networks.training.settings",
    "TripletTrainer": "networks.training.triplet",
    "Validation": "methods.contract",
    "Weights": "methods.contract",
    "detect_strongest": "methods.keypoint_detectors",
    "embedding_method": "methods.from_function",
    "evaluate": "running.evaluation",
    "identify": "identifying.answering",
    "load_backbone": "networks.backbones",
    "load_dataset": "registry.datasets",
    "load_frozen_backbone": "networks.backbones",
    "load_network": "networks.backbones.network",
    "load_runs": "records.finding",
    "make_split": "data.splits",
    "match_descriptors": "methods.local_matching",
    "match_mutual": "methods.local_matching",
    "read_saved_run": "records.saved_run",
    "read_split": "data.splits",
    "rethreshold": "experiments.rethresholding",
    "score": "scoring.predictions",
}

if TYPE_CHECKING:
    from reidbench.calibration.specs import CalibrationSpec as CalibrationSpec
    from reidbench.constants import NEW_IDENTITY as NEW_IDENTITY
    from reidbench.data.images import ImageSet as ImageSet
    from reidbench.data.sources.named import DatasetSpec as DatasetSpec
    from reidbench.data.splits import make_split as make_split
    from reidbench.data.splits import read_split as read_split
    from reidbench.errors import ReidbenchError as ReidbenchError
    from reidbench.experiments.rethresholding import rethreshold as rethreshold
    from reidbench.identifying.answering import identify as identify
    from reidbench.matching.gallery_trials import GalleryTrials as GalleryTrials
    from reidbench.methods.batches import Batches as Batches
    from reidbench.methods.calibration import Calibration as Calibration
    from reidbench.methods.classifier import ClassifierMethod as ClassifierMethod
    from reidbench.methods.contract import CropSettings as CropSettings
    from reidbench.methods.contract import EmbeddingMethod as EmbeddingMethod
    from reidbench.methods.contract import FitContext as FitContext
    from reidbench.methods.contract import FitReport as FitReport
    from reidbench.methods.contract import Images as Images
    from reidbench.methods.contract import LabelledImages as LabelledImages
    from reidbench.methods.contract import MaskSettings as MaskSettings
    from reidbench.methods.contract import Method as Method
    from reidbench.methods.contract import MethodSpec as MethodSpec
    from reidbench.methods.contract import PairMethod as PairMethod
    from reidbench.methods.contract import PartSpec as PartSpec
    from reidbench.methods.contract import Resolved as Resolved
    from reidbench.methods.contract import Settings as Settings
    from reidbench.methods.contract import Validation as Validation
    from reidbench.methods.contract import Weights as Weights
    from reidbench.methods.from_function import embedding_method as embedding_method
    from reidbench.methods.fusion import Combination as Combination
    from reidbench.methods.fusion import Fusion as Fusion
    from reidbench.methods.fusion import IdentityCombination as IdentityCombination
    from reidbench.methods.keypoint_detectors import detect_strongest as detect_strongest
    from reidbench.methods.lightglue_settings import LightGlueSettings as LightGlueSettings
    from reidbench.methods.local_features import LocalFeatureMethod as LocalFeatureMethod
    from reidbench.methods.local_matching import Matches as Matches
    from reidbench.methods.local_matching import match_descriptors as match_descriptors
    from reidbench.methods.local_matching import match_mutual as match_mutual
    from reidbench.methods.refinement import RefineSettings as RefineSettings
    from reidbench.methods.representation import Ragged as Ragged
    from reidbench.methods.representation import Representation as Representation
    from reidbench.metrics.answers import Answers as Answers
    from reidbench.metrics.summary import EpisodeMetrics as EpisodeMetrics
    from reidbench.networks.backbones import Backbone as Backbone
    from reidbench.networks.backbones import BackboneSettings as BackboneSettings
    from reidbench.networks.backbones import load_backbone as load_backbone
    from reidbench.networks.backbones import load_frozen_backbone as load_frozen_backbone
    from reidbench.networks.backbones.network import load_network as load_network
    from reidbench.networks.lightglue import LightGlueMethod as LightGlueMethod
    from reidbench.networks.training.augment import ResizedImages as ResizedImages
    from reidbench.networks.training.classifier import ClassifierTrainer as ClassifierTrainer
    from reidbench.networks.training.network import ClassifierNetwork as ClassifierNetwork
    from reidbench.networks.training.network import EmbeddingNetwork as EmbeddingNetwork
    from reidbench.networks.training.settings import ClassifierTrainingSettings as ClassifierTrainingSettings
    from reidbench.networks.training.settings import TrainingSettings as TrainingSettings
    from reidbench.networks.training.triplet import TripletTrainer as TripletTrainer
    from reidbench.progress import Progress as Progress
    from reidbench.records.finding import load_runs as load_runs
    from reidbench.records.run_record import RunRecord as RunRecord
    from reidbench.records.saved_run import read_saved_run as read_saved_run
    from reidbench.registry.commands import CommandSpec as CommandSpec
    from reidbench.registry.datasets import load_dataset as load_dataset
    from reidbench.registry.sections import SectionPicture as SectionPicture
    from reidbench.registry.sections import SectionSpec as SectionSpec
    from reidbench.registry.sections import SectionTable as SectionTable
    from reidbench.running.evaluation import evaluate as evaluate
    from reidbench.scoring.predictions import score_predictions as score  # noqa: F401 - renamed for the public
    from reidbench.thresholds.base import Adjustment as Adjustment
    from reidbench.thresholds.base import PolicySpec as PolicySpec
    from reidbench.thresholds.base import Thresholds as Thresholds
    from reidbench.thresholds.scoped import Choice as Choice
    from reidbench.thresholds.scoped import ScopedPolicy as ScopedPolicy

_RENAMED = {"score": "score_predictions"}

__all__ = ["__version__", "hookimpl", *sorted(_HOMES)]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'reidbench' has no attribute '{name}'")
    value = getattr(importlib.import_module(f"reidbench.{_HOMES[name]}"), _RENAMED.get(name, name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
