// Photos from files and from the webcam, as pictures (see picture.js).

// What a phone's browser still decodes; more takes it down.
const MAX_MEGAPIXELS = 64;
// Larger photos are first drawn smaller: phones refuse larger canvases.
const MAX_SIDE = 2048;

/**
 * Reads a picture file; the browser turns it upright and into sRGB.
 *
 * @throws {Error} With a message for the user.
 */
export async function readFile(file) {
  const image = new Image();
  const url = URL.createObjectURL(file);
  try {
    image.src = url;
    // Only the header is read until the size is known to be bearable.
    await new Promise((resolve, reject) => {
      image.onload = resolve;
      image.onerror = reject;
    });
    checkSize(file.name, image.naturalWidth, image.naturalHeight);
    // Unlike an Image, it refuses a file of which the end is missing.
    const bitmap = await createImageBitmap(file, {
      imageOrientation: "from-image",
    });
    const picture = draw(bitmap, bitmap.width, bitmap.height);
    bitmap.close();
    return picture;
  } catch (error) {
    if (error instanceof TooLargeError) throw error;
    throw new Error(
      `${file.name} cannot be read as a picture. ` +
        "Choose a JPEG, PNG, WebP, GIF or BMP file that is whole.",
    );
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** Starts the webcam in a video element. */
export async function startWebcam(video) {
  if (!navigator.mediaDevices) {
    throw new Error(
      "Browsers give the webcam only to pages from localhost or by https.",
    );
  }
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: "user" },
    });
    await video.play();
  } catch (error) {
    throw new Error(`The webcam cannot be used: ${error.message}.`);
  }
}

export function stopWebcam(video) {
  for (const track of video.srcObject?.getTracks() ?? []) track.stop();
  video.srcObject = null;
}

/** Returns what the webcam shows now. */
export function readFrame(video) {
  return draw(video, video.videoWidth, video.videoHeight);
}

class TooLargeError extends Error {}

function checkSize(name, width, height) {
  const megapixels = (width * height) / 1e6;
  if (megapixels > MAX_MEGAPIXELS) {
    throw new TooLargeError(
      `${name} is too large: ${width} × ${height} are ` +
        `${Math.round(megapixels)} megapixels, at most ${MAX_MEGAPIXELS} ` +
        "can be opened here.",
    );
  }
  // An SVG without a size, or nothing at all.
  if (!megapixels) throw new Error("No pixels.");
}

function draw(source, width, height) {
  const scale = Math.min(1, MAX_SIDE / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  // Transparent pixels would come out black.
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}
