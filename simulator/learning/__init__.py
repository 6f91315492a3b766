"""Models in stages, data, training, codecs and evaluation: plain torch.

It knows no clock and nobody else's machine: it imports no simpy and no ``world``. A computation says its price
(``accounting.costs``); who does it, where and when, is said elsewhere.
"""
