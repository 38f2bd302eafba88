"""payops: everything the console, the API and the commands share."""

import zoneinfo

# Time zones come from the pinned tzdata package: a system's own files may be years older and know other rules.
zoneinfo.reset_tzpath(())
zoneinfo.ZoneInfo.clear_cache()
