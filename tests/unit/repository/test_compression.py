"""Chunks are compressed where it is worth it, and what does not compress costs little."""

import random

import pytest
import zstandard

from strongroom.repository.compression import ChunkCompressor

CHUNK = 1 << 20
TEXT = b"a line of a log that says the same thing again and again\n" * (CHUNK // 57)
NOISE = random.Random(4).randbytes(CHUNK)


@pytest.mark.parametrize("level", [-1, 1, 2, 3, 9])
def test_any_zstd_reader_opens_what_was_compressed(level: int) -> None:
    body = ChunkCompressor(level).compress(TEXT)
    assert len(body) < len(TEXT) / 20
    assert zstandard.frame_content_size(bytes(body)) == len(TEXT)
    assert zstandard.ZstdDecompressor().decompress(body) == TEXT


def test_what_does_not_compress_stays_as_it_is() -> None:
    compressor = ChunkCompressor(1)
    assert [compressor.compress(NOISE) is NOISE for _ in range(3)] == [True, True, True]


def test_text_is_compressed_again_after_noise() -> None:
    compressor = ChunkCompressor(1)
    for _ in range(3):
        compressor.compress(NOISE)
    assert len(compressor.compress(TEXT)) < len(TEXT) / 20


def test_small_chunks_are_always_tried() -> None:
    compressor = ChunkCompressor(1)
    compressor.compress(NOISE)
    assert len(compressor.compress(TEXT[:1000])) < 1000


def test_half_of_a_chunk_that_compresses_is_not_missed_after_noise() -> None:
    compressor = ChunkCompressor(1)
    compressor.compress(NOISE)
    mixed = NOISE[: CHUNK // 2] + TEXT[: CHUNK // 2]
    assert len(compressor.compress(mixed)) < len(mixed) * 0.6
