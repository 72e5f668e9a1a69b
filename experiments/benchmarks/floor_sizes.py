"""What is computed to find the most that the machine can do."""

# A trunk convolution of a picture of 1024 x 1024, and a large product.
CHANNELS, SIDE, MATRIX = 128, 256, 2048
FLOP = {
    "convolution": 2.0 * 9 * CHANNELS**2 * SIDE**2,
    "matrix_product": 2.0 * MATRIX**3,
}
