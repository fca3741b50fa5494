"""The domain: users, keys, meetings, recordings, media files, and the protocols that look them up and change them.

Nothing here depends on SQL or HTTP; the name of a storage backend and the key of an object are opaque strings.
Every method is owner-scoped: another owner's data are treated as nonexistent. A look-up named `find_` returns None for
what does not exist. Timestamps are aware and in UTC; sizes are bytes.

    owners             a user's live or test data, the scopes of a key
    api_keys           API keys, the gateway's own signing key
    recordings         a recording, a media file
    meetings           a meeting, its transcript
    library            the protocol of look-ups, registration and deletion
    client_recordings  the protocol of API clients: create, list by filter
    uploads, upload_writers, upload_reservations  the protocols of uploads in progress
    session_uploads, session_joins  the protocols of the chunks that meeting bots send
    deletions          the protocol of the queue of objects to delete
"""

from gateway.catalog.api_keys import ApiKey, ApiKeys, SigningSecrets
from gateway.catalog.changes import NOT_REMEMBERED, Validity
from gateway.catalog.client_recordings import (
    ClientRecordings,
    IdempotencyKey,
    NewRecording,
    Position,
    RecordingFilter,
    RecordingPage,
    RecordingSort,
)
from gateway.catalog.deletions import DeletionQueue, ObjectDeletion
from gateway.catalog.library import RecordingCatalog
from gateway.catalog.meetings import Meeting, NewMeeting, Segment, Transcript
from gateway.catalog.owners import ALL_SCOPES, Owner, Scope
from gateway.catalog.recordings import (
    UNFINISHED_SESSION,
    MediaFile,
    MediaStatus,
    MediaType,
    MeetingName,
    NewMedia,
    Recording,
    RecordingSource,
    RecordingStatus,
)
from gateway.catalog.session_joins import SessionClaim, SessionFile, SessionJoins
from gateway.catalog.session_uploads import Arrival, NewChunk, SessionUploads, StoredChunk, UploadSession
from gateway.catalog.upload_reservations import Reservation, UploadReservations
from gateway.catalog.upload_writers import Publication, UploadWriters
from gateway.catalog.uploads import (
    UNKNOWN_CONTENT_TYPE,
    UNKNOWN_FORMAT,
    UPLOADS_PREFIX,
    NewUpload,
    UploadCatalog,
    UploadLimits,
    VerifiedUpload,
)
from gateway.catalog.vexa_moves import (
    KeyMove,
    MediaMove,
    MeetingMove,
    MoveOutcome,
    MoveTarget,
    RecordingMove,
    SegmentMove,
    SegmentsOutcome,
    UserMove,
    UserOutcome,
    VexaSource,
)

__all__ = [
    "ALL_SCOPES",
    "NOT_REMEMBERED",
    "UNFINISHED_SESSION",
    "UNKNOWN_CONTENT_TYPE",
    "UNKNOWN_FORMAT",
    "UPLOADS_PREFIX",
    "ApiKey",
    "ApiKeys",
    "Arrival",
    "ClientRecordings",
    "DeletionQueue",
    "IdempotencyKey",
    "KeyMove",
    "MediaFile",
    "MediaMove",
    "MediaStatus",
    "MediaType",
    "Meeting",
    "MeetingMove",
    "MeetingName",
    "MoveOutcome",
    "MoveTarget",
    "NewChunk",
    "NewMedia",
    "NewMeeting",
    "NewRecording",
    "NewUpload",
    "ObjectDeletion",
    "Owner",
    "Position",
    "Publication",
    "Recording",
    "RecordingCatalog",
    "RecordingFilter",
    "RecordingMove",
    "RecordingPage",
    "RecordingSort",
    "RecordingSource",
    "RecordingStatus",
    "Reservation",
    "Scope",
    "Segment",
    "SegmentMove",
    "SegmentsOutcome",
    "SessionClaim",
    "SessionFile",
    "SessionJoins",
    "SessionUploads",
    "SigningSecrets",
    "StoredChunk",
    "Transcript",
    "UploadCatalog",
    "UploadLimits",
    "UploadReservations",
    "UploadSession",
    "UploadWriters",
    "UserMove",
    "UserOutcome",
    "Validity",
    "VerifiedUpload",
    "VexaSource",
]
