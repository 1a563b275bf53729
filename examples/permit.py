"""Which names, besides the site's own, may have a certificate.

For --acme-permission-script. gild asks when somebody connects with a name
that it does not know, and remembers the answer for a minute. Whoever can open
a connection can ask for any name, so look it up in what you know and do
nothing slow. Only True permits.
"""

CUSTOMERS = {'alice', 'bob'}


def allow_certificate(name):
    # The name is in lower case, without a final dot: 'alice.hosting.example.com'.
    customer, _, rest = name.partition('.')
    return customer in CUSTOMERS and rest == 'hosting.example.com'
