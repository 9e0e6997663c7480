"""Area `mail`: the mail server of the site, and messages on their way to it.

Other areas send by `services.post`, inside a service that has asked its own rules. A message waits in a table of its
own, sealed, and is sent by a job (`farhand.web.jobs`) with retries; what came of it is told to the consoles of who sent
it.
"""
