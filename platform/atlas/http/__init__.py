"""HTTP to the platform's services: the one client, with the standard library alone.

`service` sends requests, with authorization and repeats; `answers` checks what comes back;
`credentials` reads who asks; `once` creates things that a server would take twice. This imports
none of its modules, and http.client is imported by the first request.
"""
