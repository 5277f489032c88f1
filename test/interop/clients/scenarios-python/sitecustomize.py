# Goes beside kafka-python 2.0.2: the six inside it hides its `moves` from Python 3.12 on; the current six has them.
import sys

import six.moves

sys.modules["kafka.vendor.six.moves"] = six.moves
