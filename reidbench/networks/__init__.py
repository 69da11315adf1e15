"""Networks of torch: pretrained backbones, training, and the starter weights of the package."""
