"""What happens to a payload on its way: a wire counts and rounds it, and channels encode and decode it.

Learning and world meet here, so that neither knows the other. The compressors are in ``learning.compression``.
"""
