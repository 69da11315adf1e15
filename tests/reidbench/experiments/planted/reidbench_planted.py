"""Methods that end badly, each in its own way, and one that does not."""

import os
import signal
import sys
import time

import numpy as np

import reidbench


class Fine(reidbench.EmbeddingMethod):
    def embed(self, pixels):
        print("a plugin that prints")  # must not reach the results on stdout
        return np.array([image.mean(axis=(0, 1)) for image in pixels])


class Raises(Fine):
    def embed(self, pixels):
        raise ZeroDivisionError("in the middle")


class Crashes(Fine):
    def embed(self, pixels):
        os.kill(os.getpid(), signal.SIGSEGV)


class Hangs(Fine):
    def embed(self, pixels):
        if os.fork() == 0:  # a worker that would outlive its parent
            time.sleep(600)
        time.sleep(600)


class Hogs(Fine):
    def embed(self, pixels):
        return np.ones((len(pixels), 1 << 31))


class Exits(Fine):
    def embed(self, pixels):
        sys.exit(3)


class Vanishes(Fine):
    def embed(self, pixels):
        os._exit(7)


class Killed(Fine):
    def embed(self, pixels):
        os.kill(os.getpid(), signal.SIGKILL)


def _nothing(settings):
    return "no method"


def _wrong_signature():
    return None


@reidbench.hookimpl
def reidbench_methods():
    methods = (Fine, Raises, Crashes, Hangs, Hogs, Exits, Vanishes, Killed)
    specs = [reidbench.MethodSpec(each.__name__.lower(), "", reidbench.Settings, each) for each in methods]
    specs.append(reidbench.MethodSpec("nothing", "", reidbench.Settings, _nothing))
    specs.append(reidbench.MethodSpec("wrong_signature", "", reidbench.Settings, _wrong_signature))
    return specs
