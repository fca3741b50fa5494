/*
 * What the page remembers of a recording that the list shows: little, because the list may become long.
 */

import { numberOf } from "./ids.js";
import { strings } from "./strings.js";

/** The API has images in full size only: the list shows no larger ones. */
const LARGEST_IMAGE_BYTES = 256 * 1024;

/** A recording of the API's list, in short. `image` is the id of its image, if that can be shown in the list. */
export function summary({ id, name, status, created_at, duration_ms: milliseconds, media, origin, matches }) {
  const files = media.filter((file) => file.status === "uploaded");
  return {
    id: numberOf(id),
    name,
    meeting: origin.meeting,
    source: origin.source,
    status: STATUS[status] ?? status,
    created_at,
    seconds: milliseconds === null ? null : milliseconds / 1000,
    kinds: kindsOf(files),
    files: files.length,
    image: imageOf(files),
    bytes: files.reduce((sum, file) => sum + file.file_size_bytes, 0),
    matches,
  };
}

function imageOf(files) {
  const image = files.find((file) => file.type === "image" && file.file_size_bytes <= LARGEST_IMAGE_BYTES);
  return image === undefined ? null : numberOf(image.id);
}

/** What people call a format, if that is not the subtype of its media type. */
const FORMATS = { "audio/mpeg": "mp3", "video/x-matroska": "mkv", "video/quicktime": "mov", "audio/mp4": "m4a" };

/** The kind and format of the only file, or the kinds of several. */
function kindsOf(files) {
  const kinds = files.map((file) => strings.kind[file.type]);
  if (files.length !== 1) return [...new Set(kinds)].join(", ");
  const [{ mime_type: type }] = files;
  return `${kinds[0]} ${FORMATS[type] ?? type.replace(/^.*\/(x-)?/, "")}`;
}

/** The names of the other dialect, which the page's words have. */
const STATUS = { pending: "in_progress", uploaded: "completed", processing: "uploading" };
