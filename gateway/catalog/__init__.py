"""The domain: users, keys, meetings, recordings, media files, and the protocols that look them up and change them.

Nothing here depends on SQL or HTTP; the name of a storage backend and the key of an object are opaque strings.
Every method is owner-scoped: another owner's data are treated as nonexistent. A look-up named `find_` returns None for
what does not exist. Timestamps are aware and in UTC; sizes are bytes.

    owners             a user's live or test data, the scopes of a key
    api_keys           API keys, the gateway's own signing key
    share_links        links that play one recording without a key
    recordings         a recording, a media file
    meetings           a meeting, its transcript
    recording_catalog  look-ups, registration and deletion
    client_recordings  API clients create recordings, and list them by filter
    edits              changes to a recording and its transcript
    search             full-text search over names and transcripts
    uploads            uploads in progress
    session_uploads    the chunks that meeting bots send
    deletions          the queue of objects to delete
    media_audit        the media files of all owners, for `seekgate verify`
    vexa_moves         what a move from Vexa reads and writes
    validity           whether a cached look-up still holds
"""

from gateway.catalog.api_keys import ApiKey as ApiKey
from gateway.catalog.api_keys import ApiKeys as ApiKeys
from gateway.catalog.api_keys import SigningSecrets as SigningSecrets
from gateway.catalog.client_recordings import ClientRecordings as ClientRecordings
from gateway.catalog.client_recordings import IdempotencyKey as IdempotencyKey
from gateway.catalog.client_recordings import NewRecording as NewRecording
from gateway.catalog.client_recordings import Position as Position
from gateway.catalog.client_recordings import RecordingFilter as RecordingFilter
from gateway.catalog.client_recordings import RecordingPage as RecordingPage
from gateway.catalog.client_recordings import RecordingSort as RecordingSort
from gateway.catalog.deletions import DeletionQueue as DeletionQueue
from gateway.catalog.deletions import ObjectDeletion as ObjectDeletion
from gateway.catalog.meetings import Meeting as Meeting
from gateway.catalog.meetings import NewMeeting as NewMeeting
from gateway.catalog.meetings import Segment as Segment
from gateway.catalog.meetings import Transcript as Transcript
from gateway.catalog.owners import ALL_SCOPES as ALL_SCOPES
from gateway.catalog.owners import Owner as Owner
from gateway.catalog.owners import Scope as Scope
from gateway.catalog.recording_catalog import RecordingCatalog as RecordingCatalog
from gateway.catalog.recordings import UNFINISHED_SESSION as UNFINISHED_SESSION
from gateway.catalog.recordings import MediaFile as MediaFile
from gateway.catalog.recordings import MediaStatus as MediaStatus
from gateway.catalog.recordings import MediaType as MediaType
from gateway.catalog.recordings import MeetingName as MeetingName
from gateway.catalog.recordings import NewMedia as NewMedia
from gateway.catalog.recordings import Recording as Recording
from gateway.catalog.recordings import RecordingSource as RecordingSource
from gateway.catalog.recordings import RecordingStatus as RecordingStatus
from gateway.catalog.session_uploads import Arrival as Arrival
from gateway.catalog.session_uploads import NewChunk as NewChunk
from gateway.catalog.session_uploads import SessionClaim as SessionClaim
from gateway.catalog.session_uploads import SessionFile as SessionFile
from gateway.catalog.session_uploads import SessionJoins as SessionJoins
from gateway.catalog.session_uploads import SessionUploads as SessionUploads
from gateway.catalog.session_uploads import StoredChunk as StoredChunk
from gateway.catalog.session_uploads import UploadSession as UploadSession
from gateway.catalog.uploads import UNKNOWN_CONTENT_TYPE as UNKNOWN_CONTENT_TYPE
from gateway.catalog.uploads import UNKNOWN_FORMAT as UNKNOWN_FORMAT
from gateway.catalog.uploads import UPLOADS_PREFIX as UPLOADS_PREFIX
from gateway.catalog.uploads import NewUpload as NewUpload
from gateway.catalog.uploads import Publication as Publication
from gateway.catalog.uploads import Reservation as Reservation
from gateway.catalog.uploads import UploadCatalog as UploadCatalog
from gateway.catalog.uploads import UploadLimits as UploadLimits
from gateway.catalog.uploads import UploadReservations as UploadReservations
from gateway.catalog.uploads import UploadWriters as UploadWriters
from gateway.catalog.uploads import VerifiedUpload as VerifiedUpload
from gateway.catalog.validity import NOT_CACHED as NOT_CACHED
from gateway.catalog.validity import Validity as Validity
from gateway.catalog.vexa_moves import KeyMove as KeyMove
from gateway.catalog.vexa_moves import MediaMove as MediaMove
from gateway.catalog.vexa_moves import MeetingMove as MeetingMove
from gateway.catalog.vexa_moves import MoveOutcome as MoveOutcome
from gateway.catalog.vexa_moves import MoveTarget as MoveTarget
from gateway.catalog.vexa_moves import RecordingMove as RecordingMove
from gateway.catalog.vexa_moves import SegmentMove as SegmentMove
from gateway.catalog.vexa_moves import SegmentsOutcome as SegmentsOutcome
from gateway.catalog.vexa_moves import UserMove as UserMove
from gateway.catalog.vexa_moves import UserOutcome as UserOutcome
from gateway.catalog.vexa_moves import VexaSource as VexaSource
