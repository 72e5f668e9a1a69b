// Pure functions of pictures. A picture is {width, height, data}, data being
// a Uint8ClampedArray of RGBA as in ImageData. None changes its arguments.

/**
 * Says where a picture goes in a frame: aspect kept, in the middle.
 *
 * @param {boolean} enlarge Whether a picture smaller than the frame grows.
 * @returns {{width: number, height: number, left: number, top: number}}
 */
export function fit(width, height, frameWidth, frameHeight, enlarge = true) {
  let scale = Math.min(frameWidth / width, frameHeight / height);
  if (!enlarge) scale = Math.min(scale, 1);
  const size = {
    width: clamp(Math.round(width * scale), 1, frameWidth),
    height: clamp(Math.round(height * scale), 1, frameHeight),
  };
  return {
    ...size,
    left: Math.floor((frameWidth - size.width) / 2),
    top: Math.floor((frameHeight - size.height) / 2),
  };
}

/**
 * Resizes a picture with a triangle filter as wide as a step of the result,
 * so that fine patterns are averaged (Pillow's BILINEAR). Every browser's own
 * resizing differs; with this a photo gives the same pixels in all.
 */
export function resize(picture, width, height) {
  if (width === picture.width && height === picture.height) return picture;
  const across = filterTaps(picture.width, width);
  const down = filterTaps(picture.height, height);
  const narrow = new Float32Array(width * picture.height * 4);
  for (let y = 0; y < picture.height; y++) {
    for (let x = 0; x < width; x++) {
      const source = (y * picture.width + across[x].first) * 4;
      const target = (y * width + x) * 4;
      addTaps(picture.data, source, 4, across[x].weights, narrow, target);
    }
  }
  const result = empty(width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const source = (down[y].first * width + x) * 4;
      const target = (y * width + x) * 4;
      const sums = [0, 0, 0, 0];
      addTaps(narrow, source, width * 4, down[y].weights, sums, 0);
      result.data.set(sums, target);
    }
  }
  return result;
}

/** Puts a picture into a larger frame, its mirror images around it. */
export function padByReflection(picture, frameWidth, frameHeight, left, top) {
  const result = empty(frameWidth, frameHeight);
  const from = new Uint32Array(picture.data.buffer, picture.data.byteOffset);
  const to = new Uint32Array(result.data.buffer);
  for (let y = 0; y < frameHeight; y++) {
    const row = reflect(y - top, picture.height) * picture.width;
    for (let x = 0; x < frameWidth; x++) {
      to[y * frameWidth + x] = from[row + reflect(x - left, picture.width)];
    }
  }
  return result;
}

/** Cuts a part out of a picture. */
export function crop(picture, left, top, width, height) {
  const result = empty(width, height);
  for (let y = 0; y < height; y++) {
    const start = ((top + y) * picture.width + left) * 4;
    const row = picture.data.subarray(start, start + width * 4);
    result.data.set(row, y * width * 4);
  }
  return result;
}

/** Returns the RGB values, 0 to 255, as a Float32Array in rows of pixels. */
export function toValues(picture) {
  const values = new Float32Array(picture.width * picture.height * 3);
  for (let i = 0, j = 0; j < values.length; i += 4, j += 3) {
    values[j] = picture.data[i];
    values[j + 1] = picture.data[i + 1];
    values[j + 2] = picture.data[i + 2];
  }
  return values;
}

/** Makes an opaque picture of RGB values; they are rounded and clipped. */
export function fromValues(values, width, height) {
  const result = empty(width, height);
  for (let i = 0, j = 0; j < values.length; i += 4, j += 3) {
    result.data[i] = values[j];
    result.data[i + 1] = values[j + 1];
    result.data[i + 2] = values[j + 2];
    result.data[i + 3] = 255;
  }
  return result;
}

/** Mixes two pictures of one size; share 0 is the first, 1 the second. */
export function blend(first, second, share) {
  const result = empty(first.width, first.height);
  for (let i = 0; i < result.data.length; i++) {
    result.data[i] = first.data[i] * (1 - share) + second.data[i] * share;
  }
  return result;
}

/** Scales shares so that they sum to 1; null if all are 0. */
export function normalizedShares(shares) {
  const sum = shares.reduce((total, share) => total + share, 0);
  return sum > 0 ? shares.map((share) => share / sum) : null;
}

function empty(width, height) {
  return { width, height, data: new Uint8ClampedArray(width * height * 4) };
}

function clamp(value, least, most) {
  return Math.min(Math.max(value, least), most);
}

/** Index of the pixel that a mirror at the edges shows: 2 1 | 0 1 2 | 1 0. */
function reflect(index, size) {
  if (size === 1) return 0;
  const period = 2 * (size - 1);
  const phase = ((index % period) + period) % period;
  return phase < size ? phase : period - phase;
}

/** The pixels that each pixel of a resized row or column is made of. */
function filterTaps(from, to) {
  const scale = from / to;
  const reach = Math.max(scale, 1);
  return Array.from({ length: to }, (_, index) => {
    const center = (index + 0.5) * scale;
    const first = Math.max(Math.floor(center - reach + 0.5), 0);
    const end = Math.min(Math.floor(center + reach + 0.5), from);
    const weights = [];
    for (let i = first; i < end; i++) {
      weights.push(Math.max(1 - Math.abs(i + 0.5 - center) / reach, 0));
    }
    return { first, weights: normalizedShares(weights) };
  });
}

function addTaps(source, start, stride, weights, target, at) {
  for (let tap = 0; tap < weights.length; tap++) {
    const position = start + tap * stride;
    for (let channel = 0; channel < 4; channel++) {
      target[at + channel] += weights[tap] * source[position + channel];
    }
  }
}
