"""Who may see a site, for --auth-user-script, --auth-group-script and --host-access-script; one file may be all three.

Each function gets the environ of the request, as a WSGI application would, without what --setenv adds and without a body.
"""
import hashlib
import hmac
import os

# name: (salt, hash of the password, groups). Make one with: python3 users.py NAME
USERS = {
    'grandma': ('5a17', 'ef7ec5e786edcd85623262fd8b36d630', ['wsgi', 'family']),
}


def digest(salt, password):
    return hashlib.scrypt(password.encode(), salt=bytes.fromhex(salt), n=2**14, r=8, p=1, dklen=16).hex()


def check_password(environ, user, password):
    """True lets the user in, and so does a str, which is then the name. False is a wrong password, None a user who is not known."""
    if user not in USERS:
        return None
    salt, expected, _ = USERS[user]
    return hmac.compare_digest(digest(salt, password), expected)


def groups_for_user(environ, user):
    """The groups of somebody who has been let in. --auth-group, by default wsgi, has to be among them."""
    return USERS[user][2] if user in USERS else []


def allow_access(environ, host):
    """True lets a client in, False keeps it out, None is no opinion. host is its name if it has one, else its address."""
    return False if host.endswith('.example.net') else None


if __name__ == '__main__':
    import getpass
    import sys
    salt = os.urandom(8).hex()
    print(f"{sys.argv[1]!r}: ({salt!r}, {digest(salt, getpass.getpass())!r}, ['wsgi']),")
